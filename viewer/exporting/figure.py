"""A figure of one region: picture, answers, legend and provenance, as PNG, SVG or PDF."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from ssmamba.errors import DataError
from ssmamba.explain.colormaps import lookup_table
from ssmamba.slides.slide import Slide
from viewer.exporting.facts import Facts, RegionFacts, ShownMap
from viewer.exporting.region_picture import RegionPicture, draw_picture, picture_of
from viewer.exporting.saving import save_bytes
from viewer.exporting.sheet import Sheet, Style
from viewer.exporting.tissue import transform_of
from viewer.exporting.wording import figure_provenance, in_words, region_line
from viewer.text import formats
from viewer.text.tr import tr

ENDINGS = (".png", ".svg", ".pdf")
WIDTH_PT = 482.0  # 170 mm, the width of a printed page's text
EDGE_PT, GAP_PT = 12.0, 10.0
LONGEST_PX = 2400  # of the tissue in SVG and PDF: 380 dpi at full width
PNG_DPI = 300
FINE = 20.0  # units to a point in SVG and PDF
LEGEND_PT = 150.0
TITLE, TEXT, BOLD, SMALL, TINY = (
    Style(14, bold=True), Style(9), Style(10, bold=True), Style(8), Style(6.5),
)  # fmt: skip


def write_figure(path: Path | str, facts: Facts, region: RegionFacts) -> None:
    """Write a figure in the format that the file's ending names.

    Raises SlideError, and DataError for another ending or a file that cannot be written.
    """
    ending = Path(path).suffix.lower()
    check_ending(ending)
    own_px = round((WIDTH_PT - 2 * EDGE_PT) * PNG_DPI / 72)  # no pixel is scaled twice
    longest_px = own_px if ending == ".png" else LONGEST_PX
    with Slide.open(facts.info.path) as slide:
        icc = transform_of(slide, facts.icc)
        picture = picture_of(slide, region, longest_px, icc, facts.rotation)
    save_bytes(path, figure_bytes(ending, picture, facts, region))


def check_ending(ending: str) -> None:
    """Raises DataError for what is none of ENDINGS."""
    if ending not in ENDINGS:
        text = tr("A figure ends in {endings}, not “{ending}”; choose one of these endings.")
        raise DataError(text.format(endings=", ".join(ENDINGS), ending=ending))


def figure_bytes(ending: str, picture: RegionPicture, facts: Facts, region: RegionFacts) -> bytes:
    """The file's content; ``ending``: one of ENDINGS."""
    return sheet_bytes(
        ending, WIDTH_PT, region.roi.name, lambda sheet: draw_figure(sheet, picture, facts, region)
    )


def sheet_bytes(
    ending: str,
    width_pt: float,
    title: str,
    draw: Callable[[Sheet], float],
    png_dpi: float = PNG_DPI,
) -> bytes:
    """A sheet of paper as a file's content.

    ending: one of ENDINGS. draw: returns the height in points, also of a sheet that only measures.
    """
    unit = png_dpi / 72 if ending == ".png" else FINE
    height = draw(Sheet(unit))
    size = QSize(math.ceil(width_pt * unit), math.ceil(height * unit))
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    device: QImage | QSvgGenerator | QPdfWriter
    if ending == ".png":
        device = QImage(size, QImage.Format.Format_RGB32)
        device.fill(0xFFFFFFFF)
        device.setDotsPerMeterX(round(png_dpi / 0.0254))
        device.setDotsPerMeterY(round(png_dpi / 0.0254))
    elif ending == ".svg":
        device = QSvgGenerator()
        device.setOutputDevice(buffer)
        device.setResolution(round(72 * unit))
        device.setSize(size)
        device.setViewBox(QRect(0, 0, size.width(), size.height()))
        device.setTitle(title)
    else:
        device = QPdfWriter(buffer)
        device.setResolution(round(72 * unit))
        device.setPageSize(QPageSize(QSizeF(width_pt, height), QPageSize.Unit.Point))
        device.setPageMargins(QMarginsF(0, 0, 0, 0))
        device.setTitle(title)
    painter = QPainter(device)
    try:
        draw(Sheet(unit, painter))
    finally:
        painter.end()
    if isinstance(device, QImage):
        QImageWriter(buffer, QByteArray(b"png")).write(device)
    return bytes(data.data())


def draw_figure(sheet: Sheet, picture: RegionPicture, facts: Facts, region: RegionFacts) -> float:
    """Draw from the top left; returns the height, points."""
    width, y = WIDTH_PT - 2 * EDGE_PT, EDGE_PT
    y += sheet.text(EDGE_PT, y, width, region.roi.name or tr("Region"), TITLE)
    about = region_line(region, facts.mpp)
    if about:
        y += sheet.text(EDGE_PT, y, width, about, TEXT.muted())
    y += GAP_PT / 2
    size = picture.frame.fitted(width, width)
    draw_picture(sheet, EDGE_PT, y, size, picture, region, facts.mpp, TEXT.size_pt)
    y += size[1] + GAP_PT
    legend = 0.0
    room = width
    if region.map is not None:
        room = width - LEGEND_PT - 2 * GAP_PT
        legend = _legend(sheet, WIDTH_PT - EDGE_PT - LEGEND_PT, y, region.map)
    y += max(_answers(sheet, EDGE_PT, y, room, region), legend)
    y += GAP_PT
    sheet.rule(EDGE_PT, y, width)
    y += GAP_PT / 2
    y += sheet.text(EDGE_PT, y, width, figure_provenance(facts, region), TINY.muted())
    return y + EDGE_PT


def _answers(sheet: Sheet, x: float, y: float, width: float, region: RegionFacts) -> float:
    top = y
    for answer in region.answers:
        words = in_words(answer, region)
        y += sheet.text(x, y, width, words.headline, BOLD)
        second = "  ·  ".join(part for part in (words.second, words.agreement) if part)
        if second:
            y += sheet.text(x, y, width, second, TEXT.muted())
        for line in (words.source, " ".join(words.details)):
            y += sheet.text(x, y, width, line, SMALL.muted()) if line else 0
        y += GAP_PT / 2
    return y - top


def _legend(sheet: Sheet, x: float, y: float, shown: ShownMap) -> float:
    """The colour bar with its raw values; returns the height."""
    top = y
    y += sheet.text(x, y, LEGEND_PT, shown.title, SMALL)
    y += 2
    sheet.image(x, y, LEGEND_PT, 8, ramp(shown.colormap))
    y += 8 + 1
    low, high = formats.value(shown.low), formats.value(shown.high)
    right = Style(SMALL.size_pt, color=SMALL.color, align=Qt.AlignmentFlag.AlignRight)
    sheet.text(x, y, LEGEND_PT, low, SMALL)
    y += sheet.text(x, y, LEGEND_PT, high, right)
    return y - top


def ramp(colormap: str) -> QImage:
    """The colours of a scale from left to right."""
    table = lookup_table(colormap)
    image = QImage(len(table), 8, QImage.Format.Format_RGB32)
    for column, (red, green, blue) in enumerate(table.tolist()):
        for row in range(8):
            image.setPixel(column, row, 0xFF000000 | red << 16 | green << 8 | blue)
    return image
