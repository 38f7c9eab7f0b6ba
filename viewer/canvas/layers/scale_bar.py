"""Scale bar and magnification readout."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from viewer.canvas.layers.labels import label_font
from viewer.canvas.view import View
from viewer.text.tr import decimal

GROUND = QColor(255, 255, 255, 215)
INK = QColor(32, 36, 42)
BAR_PX = 130.0  # wanted length of the scale bar, logical pixels
EDGE_PX = 12.0  # distance from the widget's edge
HEIGHT_PX = 34.0  # that the bar needs with its text, logical pixels


def nice_length(longest: float) -> float:
    """The largest of 1, 2, 5 × 10^n that is not longer than ``longest``."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(f * power for f in (1.0, 2.0, 5.0) if f * power <= longest * (1 + 1e-9))


def length_text(length: float, mpp: float | None) -> str:
    """A length in level-0 px as text: µm or mm, or px without calibration."""
    if mpp is None:
        return f"{_number(length)} px"
    um = length * mpp
    if um >= 1000:
        return f"{_number(um / 1000)} mm"
    return f"{_number(um)} µm" if um >= 1 else f"{_number(um * 1000)} nm"


def _number(value: float) -> str:
    told = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return decimal(told)


def scale_bar(view: View, mpp: float | None, longest_px: float) -> tuple[float, str]:
    """(length in device pixels, text) of the scale bar."""
    unit = 1.0 if mpp is None else mpp
    longest = longest_px * view.state.downsample * unit
    length = nice_length(longest) / unit  # level-0 px
    return length * view.scale, length_text(length, mpp)


def magnification_text(magnification: float | None, scale: float) -> str:
    """ "20×", or the zoom in percent when the magnification is unknown.

    scale: screen pixels per level-0 pixel.
    """
    if magnification is None:
        return f"{_number(100 * scale)} %"
    text = f"{magnification:.3g}" if magnification < 100 else f"{magnification:.0f}"
    return decimal(f"{text}×")


def paint_scale_bar(
    painter: QPainter, view: View, mpp: float | None, note: str, dpr: float
) -> None:
    """Bottom left: the bar with its length, and the magnification beside it."""
    length, text = scale_bar(view, mpp, min(BAR_PX * dpr, view.width * 0.4))
    font = label_font(painter, dpr)
    painter.setFont(font)
    metrics = QFontMetricsF(font, painter.device())
    pad, gap = 8 * dpr, 10 * dpr
    text_width = metrics.horizontalAdvance(text)
    room = view.width - 2 * EDGE_PX * dpr - max(length, text_width) - gap - 2 * pad
    note = metrics.elidedText(note, Qt.TextElideMode.ElideRight, room)
    note_width = metrics.horizontalAdvance(note) + gap if note else 0
    width = max(length, text_width) + note_width + 2 * pad
    height = metrics.height() + 8 * dpr + pad
    box = QRectF(EDGE_PX * dpr, view.height - EDGE_PX * dpr - height, width, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(GROUND)
    painter.drawRoundedRect(box, 4 * dpr, 4 * dpr)
    painter.setPen(INK)
    bar_width = width - note_width - 2 * pad
    top = QRectF(box.left() + pad, box.top() + 3 * dpr, bar_width, metrics.height())
    painter.drawText(top, Qt.AlignmentFlag.AlignCenter, text)
    if note:
        right = QRectF(box.right() - pad - note_width + gap, box.top(), note_width, box.height())
        painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, note)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    _paint_bar(painter, round(top.center().x() - length / 2), top.bottom() + 2 * dpr, length, dpr)


def _paint_bar(painter: QPainter, left: float, top: float, length: float, dpr: float) -> None:
    thick = max(1, round(2 * dpr))
    tick = round(5 * dpr)
    y = round(top) + tick - thick
    painter.fillRect(QRectF(left, y, round(length), thick), INK)
    for x in (left, left + round(length) - thick):
        painter.fillRect(QRectF(QPointF(x, y - tick + thick), QPointF(x + thick, y + thick)), INK)
