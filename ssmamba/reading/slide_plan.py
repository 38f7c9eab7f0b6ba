"""A whole slide as one model reads it: its grid, the windows with tissue, and the scale."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import NoTissue, SlideError
from ssmamba.reading.grid import LEAST_TISSUE, Grid, block_order, grid_on
from ssmamba.reading.plan import read_px, scale_notes, uses_icc
from ssmamba.reading.scale import Field, field_on
from ssmamba.reading.tissue_map import BLACK, GLASS, PEN, TISSUE, TissueMap, tissue_map
from ssmamba.reading.values import ReadOptions
from ssmamba.slides.slide import Slide
from ssmamba.wording import without_stop, words

CACHED_PX = 3400  # side of a square of a level whose decoded tiles OpenSlide's cache holds


@dataclass(frozen=True)
class GridOptions:
    """How a slide is laid out in windows."""

    overlap: float = 0.0  # share of a window's side that neighbours have in common
    least_tissue: float = LEAST_TISSUE  # share of a window; what has less is not read
    mpp: float | None = None  # µm per level-0 pixel; None = the slide's own
    field_px: float | None = None  # side of a window, level-0 pixels, for models without µm/px
    icc: bool | None = None  # None = as the checkpoint's card says


DEFAULT_GRID = GridOptions()


@dataclass(frozen=True)
class SlideGrid:
    """A model's grid on a slide; nothing but the file's header is needed for it."""

    grid: Grid
    out_px: int  # side of the pixels read for each window
    level: int  # of the file, that they are read from
    slide_mpp: float | None  # µm per level-0 pixel; None = unknown
    mpp: float | None  # µm per network pixel
    icc: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SlidePlan(SlideGrid):
    """The windows of a slide that a model reads, in the order in which they are read."""

    tissue: TissueMap = field(repr=False)
    cells: np.ndarray = field(repr=False)  # (N, 2) int32 of row and column
    shares: np.ndarray = field(repr=False)  # (N,) float64 of tissue, 0..1

    @property
    def windows(self) -> np.ndarray:
        """(N, 3) float64 of x, y, side, level-0 pixels."""
        return self.grid.windows(self.cells)


def slide_grid(slide: Slide, spec: InputSpec, options: GridOptions) -> SlideGrid:
    """The grid of a model on a slide. Raises SlideError where the scale is not known."""
    slide_mpp = options.mpp if options.mpp is not None else slide.mpp
    plain = slide.info.vendor == "image"
    read = ReadOptions(field_px=options.field_px)
    found = field_on(spec, slide.dimensions, plain, slide_mpp, read)
    if not found.sure:
        raise SlideError(_scale_unknown(slide, spec, found))
    grid = grid_on(slide.dimensions, found.px, options.overlap)
    out_px = read_px(slide, spec, grid.side)
    mpp = None if slide_mpp is None else slide_mpp * grid.side / spec.window_px
    notes = (*found.notes, *scale_notes(spec, mpp))
    notes += tuple(without_stop(note) for note in slide.info.notes)
    level = slide.best_level(grid.side / out_px)
    icc = uses_icc(slide, spec, options.icc)
    return SlideGrid(grid, out_px, level, slide_mpp, mpp, icc, notes)


def plan_slide(
    slide: Slide, spec: InputSpec, options: GridOptions, tissue: TissueMap | None = None
) -> SlidePlan:
    """Choose the windows of a slide for one model.

    tissue: where it was looked for already, or corrected by a person. Raises SlideError for a slide
    without a scale, without tissue, or of fluorescence.
    """
    found = slide_grid(slide, spec, options)
    tissue = tissue_map(slide) if tissue is None else tissue
    if tissue.fluorescent:
        raise SlideError(
            "{name} is dark with little light in it, as fluorescence is, so no stained "
            "tissue can be found on it; leave it out.",
            name=slide.path.name,
        )
    cells = found.grid.cells_with(tissue, options.least_tissue)
    if not len(cells):
        shares = words(
            "{glass:.1%} glass, {pen:.1%} pen or ink, {black:.1%} black, {tissue:.1%} tissue",
            glass=tissue.share_of_slide(GLASS),
            pen=tissue.share_of_slide(PEN),
            black=tissue.share_of_slide(BLACK),
            tissue=tissue.share_of_slide(TISSUE),
        )
        raise NoTissue(
            "{name} has no window with enough tissue ({shares})",
            name=slide.path.name,
            shares=shares,
        )
    side = found.grid.side / slide.levels[found.level].downsample
    cells = cells[block_order(cells, max(1, int(CACHED_PX / side)))]
    inside = tissue.shares(found.grid.windows(cells))
    return SlidePlan(**vars(found), tissue=tissue, cells=cells, shares=inside)


def _scale_unknown(slide: Slide, spec: InputSpec, found: Field) -> str:
    if spec.known_mpp is None:
        return words(
            "{name}: the model has no µm/px, so how much of the slide one window "
            "covers is unknown; give that side in level-0 pixels with --field-px ({px:.0f} "
            "is likely).",
            name=slide.path.name,
            px=found.px,
        )
    return words(
        "{name} has no µm/px, so its scale is unknown; give it with --mpp (0.25 is "
        "usual for 40×, 0.5 for 20×) or in a CSV's column mpp, or the side of a window with "
        "--field-px ({px:.0f} is likely).",
        name=slide.path.name,
        px=found.px,
    )
