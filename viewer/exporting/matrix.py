"""The whole comparison as one sheet: all maps of all pages, with scales, numbers, provenance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide, SlideInfo
from viewer.canvas.types import Overlay
from viewer.exporting.facts import RegionFacts
from viewer.exporting.figure import (
    PNG_DPI,
    SMALL,
    TEXT,
    TINY,
    TITLE,
    WIDTH_PT,
    check_ending,
    ramp,
    sheet_bytes,
)
from viewer.exporting.framing import frame_around
from viewer.exporting.region_picture import RegionPicture, draw_picture, lay_overlay
from viewer.exporting.saving import save_bytes
from viewer.exporting.sheet import Sheet, Style
from viewer.exporting.tissue import read_frame, transform_of
from viewer.exporting.wording import rotation_text, scale_text
from viewer.text import formats
from viewer.text.stamps import RESEARCH_ONLY
from viewer.text.tr import tr

EDGE_PT, GAP_PT, LABEL_PT, RAMP_PT = 12.0, 8.0, 108.0, 5.0
LEAST_PT, MOST_PT = 88.0, 150.0  # width of a picture in a matrix
ACROSS = 3  # pictures side by side where each model has one map
CELL_PX = 640  # of a picture's longer side
MOST_PIXELS = 60e6  # of a PNG; a larger sheet has fewer dots per inch
BOLD = Style(8, bold=True)


@dataclass(frozen=True, eq=False)
class PaintedCell:
    """One map, painted."""

    overlay: Overlay
    low: float  # ends of its colour scale, raw values
    high: float


@dataclass(frozen=True, eq=False)
class CellFacts:
    """One picture of the sheet."""

    paint: Callable[[], PaintedCell] | None  # on the worker; None: there is no map
    text: Callable[[], str]  # on the worker: its numbers, or why there is no map


@dataclass(frozen=True, eq=False)
class RowFacts:
    """One model with its maps."""

    name: str
    answer: str  # doubt first
    sha256: str
    cells: tuple[CellFacts, ...]


@dataclass(frozen=True, eq=False)
class MatrixFacts:
    """The comparison as it was when the user asked, copied."""

    info: SlideInfo
    mpp: float | None  # µm per level-0 pixel
    icc: bool
    roi: Roi
    columns: tuple[str, ...]  # titles; one, "", where each model has one map
    rows: tuple[RowFacts, ...]
    colormap: str
    opacity: float  # 0..1
    shared: bool  # one colour scale for all maps
    legend: tuple[str, ...]  # sentences: method and detail, what the numbers mean
    time: str
    rotation: float = 0.0  # of the slide in the view, degrees clockwise

    @property
    def is_matrix(self) -> bool:
        return len(self.columns) > 1 or bool(self.columns[0])


def write_matrix(path: Path | str, facts: MatrixFacts) -> None:
    """Write PNG, SVG or PDF by the file's ending.

    Raises SlideError, and DataError for another ending or a file that cannot be written.
    """
    ending = Path(path).suffix.lower()
    check_ending(ending)
    with Slide.open(facts.info.path) as slide:
        frame = frame_around(facts.roi, *slide.dimensions, facts.rotation)
        tissue = read_frame(slide, frame, CELL_PX, transform_of(slide, facts.icc))
    page = _Page(facts, RegionPicture(tissue, frame))
    dpi = float(PNG_DPI)
    if ending == ".png":
        area = page.width * page.draw(Sheet(dpi / 72)) * (dpi / 72) ** 2
        dpi *= min(1.0, math.sqrt(MOST_PIXELS / area))
    save_bytes(path, sheet_bytes(ending, page.width, facts.roi.name, page.draw, dpi))


class _Page:
    """Draws the sheet from the top left."""

    def __init__(self, facts: MatrixFacts, picture: RegionPicture) -> None:
        self._facts = facts
        self._picture = picture
        self._region = RegionFacts(facts.roi)
        self._scale: tuple[float, float] | None = None  # the shared one, once a map is painted
        count = len(facts.columns)
        if facts.is_matrix:
            room = WIDTH_PT - 2 * EDGE_PT - LABEL_PT
            self._cell = min(max(room / count - GAP_PT, LEAST_PT), MOST_PT)
            self.width = max(WIDTH_PT, 2 * EDGE_PT + LABEL_PT + count * (self._cell + GAP_PT))
        else:
            self.width = WIDTH_PT
            self._cell = (WIDTH_PT - 2 * EDGE_PT - (ACROSS - 1) * GAP_PT) / ACROSS

    def draw(self, sheet: Sheet) -> float:
        facts, room = self._facts, self.width - 2 * EDGE_PT
        y = EDGE_PT
        y += sheet.text(EDGE_PT, y, room, facts.roi.name or tr("Region"), TITLE)
        if facts.roi.user_class:
            text = tr("Your class: {name}").format(name=facts.roi.user_class)
            y += sheet.text(EDGE_PT, y, room, text, TEXT.muted())
        y += GAP_PT
        y = self._matrix(sheet, y) if facts.is_matrix else self._tiles(sheet, y)
        y += self._shared_scale(sheet, y)
        for sentence in facts.legend:
            y += sheet.text(EDGE_PT, y, room, sentence, SMALL.muted())
        y += GAP_PT / 2
        sheet.rule(EDGE_PT, y, room)
        y += GAP_PT / 2
        y += sheet.text(EDGE_PT, y, room, self._provenance(), TINY.muted())
        return y + EDGE_PT

    def _matrix(self, sheet: Sheet, y: float) -> float:
        """The original with the titles of the columns beside it, then a row for each model."""
        facts = self._facts
        left = EDGE_PT + LABEL_PT
        original = self._original(sheet, EDGE_PT, y, LABEL_PT - GAP_PT)
        heights = [sheet.text_height(self._cell, title, BOLD) for title in facts.columns]
        low = y + max(original, *heights)
        for at, title in enumerate(facts.columns):
            x = left + at * (self._cell + GAP_PT)
            sheet.text(x, low - heights[at], self._cell, title, BOLD)
        y = low + GAP_PT / 2
        for row in facts.rows:
            label = sheet.text(EDGE_PT, y, LABEL_PT - GAP_PT, row.name, BOLD)
            label += sheet.text(EDGE_PT, y + label, LABEL_PT - GAP_PT, row.answer, SMALL.muted())
            tallest = label
            for at, cell in enumerate(row.cells):
                x = left + at * (self._cell + GAP_PT)
                tallest = max(tallest, self._one(sheet, x, y, cell))
            y += tallest + GAP_PT
        return y

    def _tiles(self, sheet: Sheet, y: float) -> float:
        """The original and one map of each model, three in a row."""
        tallest = 0.0
        for at in range(len(self._facts.rows) + 1):
            column = at % ACROSS
            if at and not column:
                y, tallest = y + tallest + GAP_PT, 0.0
            x = EDGE_PT + column * (self._cell + GAP_PT)
            if at == 0:
                high = sheet.text(x, y, self._cell, tr("Original"), BOLD)
                high += sheet.text(x, y + high, self._cell, " ", SMALL)
                high += self._original(sheet, x, y + high, self._cell)
            else:
                row = self._facts.rows[at - 1]
                high = sheet.text(x, y, self._cell, row.name, BOLD)
                high += sheet.text(x, y + high, self._cell, row.answer or " ", SMALL.muted())
                high += self._one(sheet, x, y + high, row.cells[0])
            tallest = max(tallest, high)
        return y + tallest + GAP_PT

    def _original(self, sheet: Sheet, x: float, y: float, width: float) -> float:
        """With the scale bar, which is that of all pictures that are as wide."""
        size = self._picture.frame.fitted(width, width)
        draw_picture(sheet, x, y, size, self._picture, self._region, self._facts.mpp, SMALL.size_pt)
        return size[1]

    def _one(self, sheet: Sheet, x: float, y: float, cell: CellFacts) -> float:
        """A map with its colour scale and numbers; returns the height."""
        top = y
        size = self._picture.frame.fitted(self._cell, self._cell)
        painted = None
        image = self._picture.image
        if sheet.painter is not None and cell.paint is not None:
            painted = cell.paint()
            image = QImage(self._picture.image)
            lay_overlay(image, self._picture.frame, painted.overlay, self._facts.opacity)
            self._scale = painted.low, painted.high
        shown = RegionPicture(image, self._picture.frame)
        draw_picture(sheet, x, y, size, shown, self._region, self._facts.mpp, TINY.size_pt)
        y += size[1] + 2
        if cell.paint is not None and not self._facts.shared:
            ends = (painted.low, painted.high) if painted else (0.0, 0.0)
            y += self._ramp(sheet, x, y, self._cell, *ends)
        y += sheet.text(x, y, self._cell, cell.text() or " ", TINY)
        return y - top

    def _ramp(
        self, sheet: Sheet, x: float, y: float, width: float, low: float, high: float
    ) -> float:
        sheet.image(x, y, width, RAMP_PT, ramp(self._facts.colormap))
        right = Style(TINY.size_pt, align=Qt.AlignmentFlag.AlignRight)
        sheet.text(x, y + RAMP_PT, width, formats.value(low), TINY)
        return RAMP_PT + sheet.text(x, y + RAMP_PT, width, formats.value(high), right)

    def _shared_scale(self, sheet: Sheet, y: float) -> float:
        if not self._facts.shared:
            return 0.0
        text = tr("One colour scale for all maps, raw values")
        high = sheet.text(EDGE_PT, y, WIDTH_PT, text, SMALL)
        high += 2 + self._ramp(sheet, EDGE_PT, y + high + 2, MOST_PT, *(self._scale or (0.0, 1.0)))
        return high + GAP_PT / 2

    def _provenance(self) -> str:
        facts = self._facts
        parts = [f"{facts.info.name} ({facts.info.quick_hash[:12]})", scale_text(facts.mpp)]
        parts += rotation_text(facts.rotation)
        parts += [f"{row.name} (sha256 {row.sha256[:12]})" for row in facts.rows]
        return "  ·  ".join([*parts, facts.time, RESEARCH_ONLY])
