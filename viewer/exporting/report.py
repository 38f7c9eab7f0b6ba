"""A PDF report of a slide's regions: picture and answers of each, provenance at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QLocale, QMarginsF, Qt
from PySide6.QtGui import QPageSize, QPainter, QPdfWriter

from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.exporting.facts import Facts, RegionAnswer, RegionFacts
from viewer.exporting.framing import frame_around
from viewer.exporting.region_picture import RegionPicture, draw_picture, picture_of
from viewer.exporting.saving import save_bytes
from viewer.exporting.sheet import Sheet, Style
from viewer.exporting.tissue import transform_of
from viewer.exporting.wording import in_words, region_line, report_head, report_provenance
from viewer.text.tr import tr

UNIT = 20.0  # to a point
EDGE_PT = 45.0
FOOT_PT = 30.0  # of the page, below which the footer stands
GAP_PT = 10.0
PICTURE_PT = 180.0
PICTURE_PX = 900  # 360 dpi
TITLE, NAME, BOLD, TEXT, SMALL = (
    Style(17, bold=True), Style(11, bold=True), Style(10, bold=True), Style(9), Style(8),
)  # fmt: skip

Progress = Callable[[int, int], object]  # regions done, regions in all; may raise to stop


@dataclass(frozen=True, eq=False)
class _Block:
    """What stands together on a page: a region, or a part of one with many answers."""

    region: RegionFacts
    first: bool = True  # the part with the picture


class _Paper:
    """The size of a page, and what fits on it. Points."""

    def __init__(self) -> None:
        inches = QLocale().measurementSystem() == QLocale.MeasurementSystem.ImperialUSSystem
        page = QPageSize.PageSizeId.Letter if inches else QPageSize.PageSizeId.A4
        self.size = QPageSize(page)
        self.width = self.size.size(QPageSize.Unit.Point).width() - 2 * EDGE_PT
        self.bottom = self.size.size(QPageSize.Unit.Point).height() - EDGE_PT - FOOT_PT


def write_report(path: Path | str, facts: Facts, progress: Progress = lambda *_: None) -> None:
    """Write the report of all regions of ``facts``.

    Raises SlideError, and DataError when the file cannot be written.
    """
    with Slide.open(facts.info.path) as slide:
        data = report_bytes(slide, facts, progress)
    save_bytes(path, data)


def report_bytes(slide: Slide, facts: Facts, progress: Progress = lambda *_: None) -> bytes:
    """The PDF. Pictures are read page by page, so that memory holds one at a time."""
    paper = _Paper()
    pages = _pages(facts, paper)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(round(72 * UNIT))
    writer.setPageSize(paper.size)
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setTitle(_title(facts))
    writer.setCreator(tr("SSMamba Viewer"))
    painter = QPainter(writer)
    try:
        sheet = Sheet(UNIT, painter)
        icc = transform_of(slide, facts.icc)
        done = 0
        for number, page in enumerate(pages, start=1):
            if number > 1:
                writer.newPage()
            y = EDGE_PT if number > 1 else _head(sheet, facts, paper)
            for block in page:
                if isinstance(block, _Block):
                    progress(done, len(facts.regions))
                    picture = _picture(slide, block, icc, facts.rotation)
                    y += _draw(sheet, y, facts, block, paper, picture)
                    done += block.first
                else:
                    _end(sheet, y, block, paper)
            _foot(sheet, facts, paper, number, len(pages))
    finally:
        painter.end()
    progress(len(facts.regions), len(facts.regions))
    return bytes(data.data())


def _title(facts: Facts) -> str:
    return tr("Regions of {name}").format(name=facts.info.name)


def _pages(facts: Facts, paper: _Paper) -> list[list[_Block | list[str]]]:
    """Blocks of each page, in order; the last one holds the lines of the provenance."""
    sheet = Sheet(UNIT)
    pages: list[list[_Block | list[str]]] = [[]]
    y = _head(sheet, facts, paper)
    end = report_provenance(facts)
    blocks: list[_Block | list[str]] = [
        block for region in facts.regions for block in _parts(sheet, facts, _Block(region), paper)
    ]
    for block in [*blocks, end]:
        if isinstance(block, _Block):
            height = _draw(sheet, y, facts, block, paper, None)
        else:
            height = _end(sheet, y, block, paper)
        if y + height > paper.bottom and pages[-1]:
            pages.append([])
            y = EDGE_PT
        pages[-1].append(block)
        y += height
    return pages


def _parts(sheet: Sheet, facts: Facts, block: _Block, paper: _Paper) -> Iterator[_Block]:
    """A region whose answers fill more than a page, in parts that do not."""
    answers = block.region.answers
    height = _draw(sheet, EDGE_PT, facts, block, paper, None)
    if height <= paper.bottom - EDGE_PT or len(answers) < 2:
        yield block
        return
    half = len(answers) // 2
    head, rest = answers[:half], answers[half:]
    yield from _parts(sheet, facts, _Block(replace(block.region, answers=head), block.first), paper)
    yield from _parts(sheet, facts, _Block(replace(block.region, answers=rest), False), paper)


def _picture(
    slide: Slide, block: _Block, icc: SrgbTransform | None, rotation: float
) -> RegionPicture | None:
    return picture_of(slide, block.region, PICTURE_PX, icc, rotation) if block.first else None


def _head(sheet: Sheet, facts: Facts, paper: _Paper) -> float:
    """The title of the first page; returns where the regions begin."""
    y = EDGE_PT
    y += sheet.text(EDGE_PT, y, paper.width, _title(facts), TITLE)
    y += GAP_PT / 3
    for line in report_head(facts):
        y += sheet.text(EDGE_PT, y, paper.width, line, TEXT.muted())
    return y + GAP_PT


def _draw(
    sheet: Sheet, top: float, facts: Facts, block: _Block, paper: _Paper,
    picture: RegionPicture | None,
) -> float:  # fmt: skip
    """One region: picture left, answers right; returns the height with the gap below."""
    region = block.region
    y = top + GAP_PT
    sheet.rule(EDGE_PT, top, paper.width)
    tall = 0.0
    if block.first:
        frame = frame_around(region.roi, facts.info.width, facts.info.height, facts.rotation)
        size = frame.fitted(PICTURE_PT, PICTURE_PT)
        tall = size[1]
        if picture is not None:
            x = EDGE_PT + (PICTURE_PT - size[0]) / 2
            draw_picture(sheet, x, y, size, picture, region, facts.mpp, 6.5)
    x, width = EDGE_PT + PICTURE_PT + 1.6 * GAP_PT, paper.width - PICTURE_PT - 1.6 * GAP_PT
    name = region.roi.name or tr("Region")
    y += sheet.text(x, y, width, sheet.elided(name, 2 * width, NAME), NAME)
    about = region_line(region, facts.mpp) if block.first else tr("continued")
    if about:
        y += sheet.text(x, y, width, about, TEXT.muted())
    y += GAP_PT / 2
    for answer in region.answers:
        y += _answer(sheet, x, y, width, answer, region)
    if not region.answers:
        y += sheet.text(x, y, width, tr("No answer"), TEXT.muted())
    if region.map is not None and block.first:
        shown = f"{region.map.title}: {region.map.method}"
        y += sheet.text(x, y, width, shown, SMALL.muted())
    return max(y, top + GAP_PT + tall) + GAP_PT - top


def _answer(
    sheet: Sheet, x: float, y: float, width: float, answer: RegionAnswer, region: RegionFacts
) -> float:
    top = y
    words = in_words(answer, region)
    y += sheet.text(x, y, width, words.headline, BOLD)
    second = "  ·  ".join(part for part in (words.second, words.agreement) if part)
    if second:
        y += sheet.text(x, y, width, second, TEXT.muted())
    for line in (words.source, *words.details):
        y += sheet.text(x, y, width, line, SMALL.muted())
    return y + GAP_PT / 2 - top


def _end(sheet: Sheet, top: float, lines: list[str], paper: _Paper) -> float:
    """The provenance; returns the height."""
    sheet.rule(EDGE_PT, top, paper.width)
    y = top + GAP_PT
    y += sheet.text(EDGE_PT, y, paper.width, tr("Provenance"), BOLD)
    for line in lines:
        y += sheet.text(EDGE_PT, y, paper.width, line, SMALL.muted())
    return y - top


def _foot(sheet: Sheet, facts: Facts, paper: _Paper, number: int, count: int) -> None:
    y = paper.bottom + FOOT_PT / 2
    page = tr("Page {number} of {count}").format(number=number, count=count)
    right = replace(SMALL.muted(), align=Qt.AlignmentFlag.AlignRight)
    sheet.text(EDGE_PT, y, paper.width, page, right)
    room = paper.width - sheet.text_width(page, SMALL) - GAP_PT
    sheet.text(EDGE_PT, y, paper.width, sheet.elided(facts.info.name, room, SMALL), SMALL.muted())
