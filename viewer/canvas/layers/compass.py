"""The compass on a slide that is not upright: where its top is, and by how much it is turned."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPolygonF

from viewer.canvas.layers.labels import label_font
from viewer.canvas.layers.scale_bar import EDGE_PX, GROUND, INK
from viewer.canvas.view import View
from viewer.text import formats

WIDTH_PX, HEIGHT_PX = 54.0, 58.0
NEEDLE_PX = 15.0  # half its length
NEEDLE_WIDTH_PX = 4.5  # half its width
TOP_INK, FOOT_INK = QColor(214, 40, 57), QColor(150, 155, 163)
ROOM = 3.5  # none in widgets less than this many times its height


def compass_place(
    view: View, dpr: float, taken: QRect | None, covered: float = 0.0
) -> QRectF | None:
    """Top right, or top left where the minimap is; None in a view that is too small.

    covered: by something that lies over the upper edge, logical pixels.
    """
    above = covered * dpr
    if view.height - above < ROOM * HEIGHT_PX * dpr or view.width < ROOM * WIDTH_PX * dpr:
        return None
    edge, width, height = EDGE_PX * dpr, WIDTH_PX * dpr, HEIGHT_PX * dpr
    place = QRectF(view.width - edge - width, above + edge, width, height)
    if taken is not None and place.intersects(QRectF(taken)):
        place.moveLeft(edge)
    return place


def paint_compass(painter: QPainter, place: QRectF, view: View, dpr: float) -> None:
    """The needle's red end points to the slide's top."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(GROUND)
    painter.drawRoundedRect(place, 4 * dpr, 4 * dpr)
    font = label_font(painter, dpr)
    text_height = QFontMetricsF(font, painter.device()).height()
    middle = QPointF(place.center().x(), place.top() + (place.height() - text_height) / 2)
    cos, sin = view.direction
    up, across = QPointF(sin, -cos) * NEEDLE_PX * dpr, QPointF(cos, sin) * NEEDLE_WIDTH_PX * dpr
    for tip, ink in ((up, TOP_INK), (-up, FOOT_INK)):
        painter.setBrush(ink)
        painter.drawPolygon(QPolygonF([middle + tip, middle + across, middle - across]))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(INK)
    painter.setFont(font)
    foot = QRectF(place.left(), place.bottom() - text_height - 2 * dpr, place.width(), text_height)
    painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, formats.rotation(view.state.rotation))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
