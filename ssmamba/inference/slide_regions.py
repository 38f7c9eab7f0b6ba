"""A slide as the regions of tissue that a slide model reads (Pixel-Mamba §3.2)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.errors import SlideError
from ssmamba.reading.grid import Grid, grid_on
from ssmamba.reading.tissue_map import TissueMap, tissue_map
from ssmamba.slides.slide import Slide


@dataclass(frozen=True)
class SlideRegions:
    """Squares of tissue on the slide's grid, row by row."""

    images: np.ndarray  # (N, window, window, 3) uint8 RGB
    cells: np.ndarray  # (N, 2) int32, row and column on the grid
    grid: Grid
    left_out: int = 0  # regions of tissue beyond the most that were asked for

    @property
    def windows(self) -> np.ndarray:
        """(N, 3) float64 of x, y, side, level-0 pixels."""
        return self.grid.windows(self.cells)


def region_grid(slide: Slide, spec: SlideSpec, mpp: float | None = None) -> Grid:
    """The grid of a model's regions on a slide.

    mpp: µm per level-0 pixel, where the slide does not say or is wrong. Raises SlideError where
    nobody says.
    """
    scale = mpp or slide.mpp
    if scale is None:
        raise SlideError(
            "{name} has no µm/px, and a slide model needs it; write it into the column "
            "mpp of the cohort, or calibrate the slide in the viewer.",
            name=slide.info.name,
        )
    assert spec.mpp is not None  # of a slide model always given
    return grid_on(slide.dimensions, spec.window_px * spec.mpp / scale)


def read_regions(
    slide: Slide, spec: SlideSpec, mpp: float | None = None, most: int = 0
) -> SlideRegions:
    """Read the regions of which at least ``spec.foreground`` is tissue.

    most: with more regions than that, so many of them are read, spread evenly over the slide's
    order; 0 = all. Raises SlideError for a slide without µm/px, without tissue, or of fluorescence.
    """
    steps = reading_regions(slide, spec, tissue_map(slide), mpp, most)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: SlideRegions = end.value
            return found


def reading_regions(
    slide: Slide, spec: SlideSpec, tissue: TissueMap, mpp: float | None = None, most: int = 0
) -> Generator[tuple[int, int], None, SlideRegions]:
    """``read_regions`` with a stop after each region: how many are read, of how many."""
    grid = region_grid(slide, spec, mpp)
    if tissue.fluorescent:
        raise SlideError(
            "{name} looks like fluorescence, which a model of stained tissue cannot "
            "read; choose a stained slide.",
            name=slide.info.name,
        )
    cells = grid.cells_with(tissue, spec.foreground)
    if not len(cells):
        raise SlideError(
            "{name} has no region of {side} px with {foreground:.0%} tissue; "
            "check its µm/px, or read smaller regions.",
            name=slide.info.name,
            side=grid.side,
            foreground=spec.foreground,
        )
    kept = cells
    if most and len(cells) > most:
        kept = cells[np.linspace(0, len(cells) - 1, most).round().astype(int)]
    window = spec.window_px
    images = np.empty((len(kept), window, window, 3), np.uint8)
    for row, (x, y, side) in enumerate(grid.windows(kept)):
        images[row] = slide.read_window(x, y, side, window)
        yield row + 1, len(kept)
    return SlideRegions(images, kept, grid, len(cells) - len(kept))
