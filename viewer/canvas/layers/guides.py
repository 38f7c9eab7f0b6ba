"""Lines over the slide: a grid that belongs to the tissue, and a crosshair at the pointer."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from ssmamba.slides.slide import SlideInfo
from viewer.canvas.layers.labels import label_font
from viewer.canvas.layers.scale_bar import GROUND, INK, length_text, nice_length
from viewer.canvas.view import View
from viewer.text import formats

LARGEST_PX = 200.0  # between two lines of the grid, logical pixels; at least 80
DARK, LIGHT = QColor(24, 40, 72, 110), QColor(255, 255, 255, 90)  # side by side: seen on anything
CROSS = QColor(24, 40, 72, 200), QColor(255, 255, 255, 160)
GAP_PX = 7.0  # around the pointer, whose tissue stays visible
PAD_PX = 6.0


def grid_spacing(view: View, mpp: float | None, dpr: float) -> float:
    """Level-0 pixels between two lines: 1, 2 or 5 × 10^n µm, or px without a scale."""
    unit = 1.0 if mpp is None else mpp
    return nice_length(LARGEST_PX * dpr * view.state.downsample * unit) / unit


def paint_grid(
    painter: QPainter, view: View, info: SlideInfo, mpp: float | None, dpr: float
) -> str:
    """Lines from edge to edge of the slide, counted from its top left; returns their spacing."""
    spacing = grid_spacing(view, mpp, dpr)
    left, top, right, bottom = view.rect
    left, right = max(left, 0.0), min(right, float(info.width))
    top, bottom = max(top, 0.0), min(bottom, float(info.height))
    ends = [((x, top), (x, bottom)) for x in _steps(left, right, spacing) if top < bottom]
    ends += [((left, y), (right, y)) for y in _steps(top, bottom, spacing) if left < right]
    lines = [QLineF(view.to_screen(*a), view.to_screen(*b)) for a, b in ends]
    _paint_lines(painter, lines, (DARK, LIGHT), view, dpr)
    return length_text(spacing, mpp)


def paint_crosshair(
    painter: QPainter, view: View, at: QPointF, mpp: float | None, dpr: float
) -> None:
    """Lines through a device pixel, and where on the slide that is."""
    x, y, gap = at.x(), at.y(), GAP_PX * dpr
    lines = [
        QLineF(0, y, x - gap, y), QLineF(x + gap, y, view.width, y),
        QLineF(x, 0, x, y - gap), QLineF(x, y + gap, x, view.height),
    ]  # fmt: skip
    _paint_lines(painter, lines, CROSS, None, dpr)
    across, down = view.to_slide(x, y)
    text = f"{formats.length(across, mpp)}, {formats.length(down, mpp)}"
    font = label_font(painter, dpr)
    painter.setFont(font)
    metrics = QFontMetricsF(font, painter.device())
    pad, beside = PAD_PX * dpr, 2 * GAP_PX * dpr
    box = QRectF(0, 0, metrics.horizontalAdvance(text) + 2 * pad, metrics.height() + pad)
    box.moveTopLeft(at + QPointF(beside, beside))
    if box.right() > view.width:
        box.moveRight(x - beside)
    if box.bottom() > view.height:
        box.moveBottom(y - beside)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(GROUND)
    painter.drawRoundedRect(box, 3 * dpr, 3 * dpr)
    painter.setPen(INK)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _steps(low: float, high: float, spacing: float) -> list[float]:
    first, last = math.ceil(low / spacing), math.floor(high / spacing)
    return [number * spacing for number in range(first, last + 1)]


def _paint_lines(
    painter: QPainter,
    lines: list[QLineF],
    inks: tuple[QColor, QColor],
    view: View | None,
    dpr: float,
) -> None:
    """Hairlines with a light one beside each; on whole pixels where they lie along the screen."""
    width = max(1, round(dpr))
    oblique = view is not None and view.is_oblique
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, oblique)
    for ink, shift in ((inks[1], width), (inks[0], 0)):
        if oblique:
            painter.setPen(QPen(ink, width))
            painter.drawLines([line.translated(shift, 0) for line in lines])
            continue
        for line in lines:
            box = QRectF(line.p1(), line.p2()).normalized()
            x, y = math.floor(box.x()) + shift, math.floor(box.y()) + shift
            is_level = box.width() > box.height()
            across = math.ceil(box.width()) if is_level else width
            down = width if is_level else math.ceil(box.height())
            painter.fillRect(QRectF(x, y, across, down), ink)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
