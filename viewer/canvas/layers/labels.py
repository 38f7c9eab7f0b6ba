"""The names of ROIs on the slide."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from viewer.canvas.view import View
from viewer.look.sizes import small_px

LABEL_GROUND = QColor(20, 22, 26, 190)
PAD_PX = 4


def label_font(painter: QPainter, dpr: float) -> QFont:
    """The application's font in device pixels (painters here work in device pixels)."""
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(small_px() * dpr)))
    return font


def place_label(
    metrics: QFontMetricsF, text: str, box: QRectF, dpr: float, view: View, taken: Sequence[QRectF]
) -> tuple[str, QRectF] | None:
    """The elided name and its box: above an ROI's top left, else below its bottom.

    box: the ROI on the screen. Kept on the screen. None where both places are ``taken``.
    """
    pad = PAD_PX * dpr
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(box.width(), 140 * dpr))
    width = math.ceil(metrics.horizontalAdvance(text) + 2 * pad + 7 * dpr)
    height = math.ceil(metrics.height() + pad / 2)
    x = min(max(box.left(), 2 * dpr), max(view.width - width - 2 * dpr, 0))
    above = min(max(box.top() - height - 3 * dpr, 2 * dpr), box.bottom())
    below = min(box.bottom() + 3 * dpr, view.height - height - 2 * dpr)
    for y in (above, below):
        ground = QRectF(round(x), round(y), width, height)
        if not any(ground.intersects(other) for other in taken):
            return text, ground
    return None


def paint_label(painter: QPainter, text: str, ground: QRectF, color: QColor, dpr: float) -> None:
    """A name on a dark box, after the ROI's colour."""
    pad = PAD_PX * dpr
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(LABEL_GROUND)
    painter.drawRoundedRect(ground, 3 * dpr, 3 * dpr)
    painter.setBrush(color)
    swatch = QRectF(ground.left() + pad, ground.center().y() - 2.5 * dpr, 5 * dpr, 5 * dpr)
    painter.drawEllipse(swatch)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(
        ground.adjusted(pad + 8 * dpr, 0, 0, 0),
        Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
        text,
    )
