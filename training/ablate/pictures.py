"""The paper's figures: CAM grids (Figs. 2 and 4) and masked reconstructions (Fig. 3)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssmamba.explain.figure import OPACITY, RESEARCH_USE
from ssmamba.explain.reconstruct import Reconstruction
from ssmamba.explain.stitch import colorize

CELL_IN = 1.35  # side of an image, inches
DPI = 160
LETTERS = 20  # in a line beside an image
FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class EvidenceRow:
    """One class: an image, the pixels of the class, and each model's map of it."""

    label: str
    image: np.ndarray  # (S, S, 3) uint8
    truth: np.ndarray | None  # (S, S) bool
    maps: tuple[np.ndarray | None, ...]  # (S, S) float32 each; None = no CAM of this model


def evidence_figure(rows: Sequence[EvidenceRow], columns: Sequence[str], caption: str) -> Figure:
    """Columns: the original, the truth where there is any, then one for each checkpoint."""
    with_truth = any(row.truth is not None for row in rows)
    heads = ["Original", *(["Ground truth"] if with_truth else []), *columns]
    lines = []
    for row in rows:
        images = [row.image]
        if with_truth:
            images.append(_truth_picture(row.image, row.truth))
        images += [overlay(row.image, values) for values in row.maps]
        lines.append((row.label, images))
    return _grid(lines, heads, caption)[0]


def reconstruction_figure(rows: Sequence[tuple[str, Reconstruction]], caption: str) -> Figure:
    """Columns: the model's input, its reconstruction, the original."""
    lines = [(label, [r.masked, r.reconstruction, r.original]) for label, r in rows]
    figure, cells = _grid(lines, ["Masked", "Reconstruction", "Truth"], caption)
    for (_, found), axes in zip(rows, cells, strict=True):
        axes[1].set_xlabel(f"{found.psnr:.1f} dB, SSIM {found.ssim:.2f}", fontsize=6, labelpad=2)
    return figure


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write PATH.png and PATH.pdf."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.with_suffix(f".{ending}") for ending in FORMATS]
    for file in files:
        figure.savefig(file, dpi=DPI)
    return files


def overlay(image: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """A map over its image, from zero to the map's own highest value; grey without a map."""
    if values is None:
        return np.full_like(image, 200)
    high = float(values.max())
    colours = colorize(values, 0.0, high if high > 0 else 1.0, "turbo", "value")
    alpha = colours[..., 3:].astype(np.float32) / 255.0 * OPACITY
    return np.round(image * (1 - alpha) + colours[..., :3] * alpha).astype(np.uint8)


def _truth_picture(image: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """The image, faint outside the class."""
    if truth is None:
        return np.full_like(image, 200)
    faint = (image.astype(np.float32) * 0.25 + 255 * 0.75).round().astype(np.uint8)
    return np.where(truth[..., None], image, faint)


def _grid(
    rows: Sequence[tuple[str, list[np.ndarray]]], heads: Sequence[str], caption: str
) -> tuple[Figure, list[list[Axes]]]:
    """Rows of a label and its images under column heads, and the axes row by row."""
    width, height = len(heads) * CELL_IN + 0.5, len(rows) * (CELL_IN + 0.12) + 0.75
    figure = Figure(figsize=(width, height), layout="constrained")
    cells = np.asarray(figure.subplots(len(rows), len(heads), squeeze=False)).tolist()
    for (label, images), axes in zip(rows, cells, strict=True):
        axes[0].set_ylabel(textwrap.fill(label, LETTERS), fontsize=7)
        for axis, image in zip(axes, images, strict=True):
            axis.imshow(image, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
    for axis, head in zip(cells[0], heads, strict=True):
        axis.set_title(head, fontsize=8)
    figure.supxlabel(f"{caption}\n{RESEARCH_USE}", fontsize=6, color="dimgray", wrap=True)
    return figure, cells
