"""Names on the slide."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from viewer.canvas.view import View

LABEL_GROUND = QColor(20, 22, 26, 190)


def label_font(painter: QPainter, dpr: float, size_px: float = 12.0) -> QFont:
    """The application's font in device pixels (painters here work in device pixels)."""
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(size_px * dpr)))
    return font


def paint_label(
    painter: QPainter,
    metrics: QFontMetricsF,
    text: str,
    box: QRectF,
    color: QColor,
    dpr: float,
    view: View,
) -> None:
    """A name above a region's top left, kept on the screen."""
    pad = 4 * dpr
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(box.width(), 140 * dpr))
    width = metrics.horizontalAdvance(text) + 2 * pad + 7 * dpr
    height = metrics.height() + pad / 2
    x = min(max(box.left(), 2 * dpr), max(view.width - width - 2 * dpr, 0))
    y = box.top() - height - 3 * dpr
    y = min(max(y, 2 * dpr), box.bottom())
    ground = QRectF(round(x), round(y), math.ceil(width), math.ceil(height))
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
