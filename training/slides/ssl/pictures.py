"""Pictures of a slide encoder's features: clusters laid on slides, maps in two dimensions."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from ssmamba.explain.figure import RESEARCH_USE

PALETTE = np.array(
    [(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
     (240, 228, 66), (120, 120, 120)], np.uint8,
)  # fmt: skip
NOISE = np.array((30, 30, 30), np.uint8)  # of DBSCAN
GLASS, LONGEST_PX, LEAST_REGION_PX, STRENGTH = 235, 1400, 8, 0.55


def colours_of(numbers: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 of cluster numbers; -1 = in none."""
    return np.where(numbers[..., None] < 0, NOISE, PALETTE[numbers % len(PALETTE)])


def laid_on_grid(images: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Regions (N, w, w, 3) uint8 at their cells (N, 2), on glass; a large picture is shrunk."""
    cells = cells - cells.min(0)
    rows, columns = cells.max(0) + 1
    side = int(min(images.shape[1], max(LONGEST_PX // max(rows, columns), LEAST_REGION_PX)))
    canvas = np.full((rows * side, columns * side, 3), GLASS, np.uint8)
    for image, (row, column) in zip(images, cells.tolist(), strict=True):
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        canvas[row * side : (row + 1) * side, column * side : (column + 1) * side] = small
    return canvas


def tinted(images: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Regions (N, w, w, 3) with the colours of their tokens' clusters (N, h, w') laid over them."""
    size = images.shape[2], images.shape[1]
    painted = [
        cv2.resize(colours_of(own), size, interpolation=cv2.INTER_NEAREST) for own in clusters
    ]
    mixed = STRENGTH * np.stack(painted) + (1 - STRENGTH) * images
    return mixed.round().astype(np.uint8)


def draw_slides(panels: list[list[np.ndarray]], columns: list[str], title: str) -> Figure:
    """A row for each slide and a column for each kind of picture of it."""
    size = (4.2 * len(columns), 3.6 * len(panels) + 0.8)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(panels), len(columns), squeeze=False)
    for row, pictures in zip(axes, panels, strict=True):
        for place, picture, name in zip(row, pictures, columns, strict=True):
            place.imshow(picture, interpolation="nearest")
            place.set_axis_off()
            place.set_title(name, fontsize=8)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure


def draw_map(axes: Any, places: np.ndarray, numbers: np.ndarray, names: list[str]) -> None:
    """Points (N, 2) in the colours of their numbers, each with a name where there are names."""
    for number in np.unique(numbers):
        own = places[numbers == number]
        colour = colours_of(np.array(number)) / 255
        label = names[number] if names else None
        axes.scatter(own[:, 0], own[:, 1], s=9, color=[tuple(colour)], lw=0, label=label)
    axes.set_xticks([])
    axes.set_yticks([])


def draw_maps(
    maps: dict[str, np.ndarray], numbers: np.ndarray, names: list[str], title: str
) -> Figure:
    """A panel for each map {name: (N, 2)} of slides, a colour for each label."""
    figure = Figure(figsize=(3.6 * len(maps), 4.2), layout="constrained")
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, (name, places) in zip(panels, maps.items(), strict=True):
        draw_map(axes, places, numbers, names)
        axes.set_title(name, fontsize=8)
    handles, shown = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, shown, loc="outside lower center", ncols=6, fontsize=7)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure


def draw_levels(history: list[tuple[int, dict[str, float]]], title: str) -> Figure:
    """Mean cosines and RankMe of each level by epoch; epoch 0 is untrained (thesis Fig. 4.3)."""
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, kind in zip(panels, ("cosine", "rank"), strict=True):
        levels = [name for name in history[-1][1] if name.endswith(f"_{kind}")]
        for name in levels:
            points = [(epoch, found[name]) for epoch, found in history if name in found]
            label = name.removesuffix(f"_{kind}")
            axes.plot(*zip(*points, strict=True), marker="o", ms=3, lw=1.2, label=label)
        axes.set_title({"cosine": "mean cosine of pairs", "rank": "RankMe"}[kind], fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    handles, shown = panels[0].get_legend_handles_labels()
    figure.legend(handles, shown, loc="outside lower center", ncols=4, fontsize=7, frameon=False)
    figure.suptitle(f"{title}\n{RESEARCH_USE}", fontsize=8)
    return figure
