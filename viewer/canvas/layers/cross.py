"""A cross at a place that the mouse points at elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen

CROSS_PX, GAP_PX = 9, 3  # of each arm, logical pixels
INK, GROUND = QColor(255, 255, 255), QColor(0, 0, 0, 170)


def paint_cross(painter: QPainter, at: QPointF) -> None:
    """at: logical pixels, as the painter's."""
    for pen in (QPen(GROUND, 3), QPen(INK, 1)):
        painter.setPen(pen)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start, end = GAP_PX, GAP_PX + CROSS_PX
            painter.drawLine(
                round(at.x() + dx * start), round(at.y() + dy * start),
                round(at.x() + dx * end), round(at.y() + dy * end),
            )  # fmt: skip
