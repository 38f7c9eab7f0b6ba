"""A slide with the outlines of the truth, beside the map of a class."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from shapely.geometry.base import BaseGeometry

from ssmamba.files import written_whole
from ssmamba.rois.geometry import polygons_of
from ssmamba.slides.slide import Slide

if TYPE_CHECKING:
    from training.evaluation.scans import TileMap

PANEL_PX = 900
DPI = 150


def write_picture(path: Path, tiles: TileMap, outlines: BaseGeometry, threshold: float) -> None:
    """Left the slide, right the probabilities with the threshold's contour; both with the outlines.

    Raises SlideError, and DataError where the disk takes no file.
    """
    with Slide.open(tiles.slide) as slide:
        width, height = slide.dimensions
        longest = float(max(width, height))
        pixels = slide.read_window(0.0, 0.0, longest, PANEL_PX)
    figure = Figure(figsize=(10, 10 * height / width / 2 + 0.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.imshow(pixels, extent=(0, longest, longest, 0), interpolation="antialiased")
        axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
        _draw(axes, outlines)
    left.set_title(f"{tiles.slide.name} and the outlines", fontsize=9)
    shown = right.imshow(
        _grid(tiles), extent=_extent(tiles), cmap="viridis", vmin=0, vmax=1, alpha=0.75,
        interpolation="nearest",
    )  # fmt: skip
    right.set_title(f"Probability of each tile; threshold {threshold:.2f}", fontsize=9)
    bar = figure.colorbar(shown, ax=right, fraction=0.04)
    bar.ax.axhline(threshold, color="black")
    data = io.BytesIO()
    figure.savefig(data, dpi=DPI, format="png", bbox_inches="tight")
    with written_whole(path) as partial:
        partial.write_bytes(data.getvalue())


def _draw(axes: Axes, outlines: BaseGeometry) -> None:
    for polygon in polygons_of(outlines):
        for ring in (polygon.exterior, *polygon.interiors):
            x, y = np.asarray(ring.coords).T
            axes.plot(x, y, color="white", linewidth=2.5)
            axes.plot(x, y, color="black", linewidth=1.2)


def _cells(tiles: TileMap) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) columns and rows from the first tile's, and that tile's corner."""
    corner = tiles.places.min(axis=0)
    return np.round((tiles.places - corner) / tiles.side).astype(int), corner


def _grid(tiles: TileMap) -> np.ndarray:
    """(rows, columns) probabilities; NaN where nothing was read."""
    cells, _ = _cells(tiles)
    columns, rows = cells.max(axis=0) + 1
    grid = np.full((rows, columns), np.nan)
    grid[cells[:, 1], cells[:, 0]] = tiles.probabilities
    return grid


def _extent(tiles: TileMap) -> tuple[float, float, float, float]:
    cells, (x, y) = _cells(tiles)
    columns, rows = cells.max(axis=0) + 1
    return x, x + columns * tiles.side, y + rows * tiles.side, y
