"""Painting regions, and erasing them, with a round brush."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from ssmamba.rois.roi import Point
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.labels import label_font, paint_label, place_label
from viewer.canvas.layers.roi_shape import DEFAULT_COLOR, HALO, line_pen
from viewer.canvas.tools.area_tool import AreaTool
from viewer.canvas.tools.tool import Cursor
from viewer.canvas.view import View
from viewer.text import formats
from viewer.text.tr import tr

RADIUS_PX = 24.0  # at first, logical screen pixels
SMALLEST_PX, LARGEST_PX = 2.0, 400.0
GROWTH = 1.15  # for one notch of the wheel
ROUGHNESS_PX = 0.25  # a stroke's outline is simplified by less than the eye sees
ERASING = (255, 96, 80)
SIZES = {Qt.Key.Key_BracketLeft: -1.0, Qt.Key.Key_BracketRight: 1.0}


class Brush(AreaTool):
    """The circle shows what a press would paint; its size is one on the screen."""

    id = "brush"
    text = tr("Brush")
    icon = "brush"
    keys = "B"
    tip = tr("Paint a region, or more of the selected one; Alt or the right button erases")
    gestures = (
        (tr("Alt or right button with the brush or wand"), tr("Erase from the selected region")),
        (tr("Shift with the brush or wand"), tr("Add a separate part to the selected region")),
        (tr("Ctrl + wheel, [  ]"), tr("Size of the brush; likeness that the wand asks for")),
    )

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.radius_px = RADIUS_PX
        self._mouse: Cursor | None = None
        self._last: Point | None = None
        self._stroke: Any = None  # shapely area
        self._resized = False  # the size stands beside the circle until the mouse moves

    def press(self, at: Cursor) -> bool:
        self._mouse, self._last = at, at.point
        stroke = self._dab(at)
        if self.begin(at, stroke):
            self._stroke = stroke
            self.draw(stroke)
        return True

    def move(self, at: Cursor) -> None:
        self._mouse, self._resized = at, False
        if self.is_busy and at.point != self._last:
            import shapely

            stroke = shapely.union(self._stroke, self._dab(at))
            self._stroke = stroke.simplify(ROUGHNESS_PX * at.px)
            self._last = at.point
            self.draw(self._stroke)
        self.canvas.update()

    def release(self, at: Cursor) -> None:
        self.end()

    def cancel(self) -> None:
        super().cancel()
        self._stroke = self._last = None

    def leave(self) -> None:
        self._mouse = None
        self.canvas.update()

    def wheel(self, at: Cursor, steps: float) -> bool:
        self._mouse = at
        self._resize(steps)
        return True

    def key(self, key: Qt.Key) -> bool:
        if key not in SIZES:
            return False
        self._resize(SIZES[key])
        return True

    def _resize(self, steps: float) -> None:
        self.radius_px = min(max(self.radius_px * GROWTH**steps, SMALLEST_PX), LARGEST_PX)
        self._resized = True

    def _dab(self, at: Cursor) -> Any:
        """What the brush covers on its way from the last place, level-0 pixels."""
        import shapely

        ends = [self._last, at.point] if self._last not in (None, at.point) else None
        way = shapely.Point(at.point) if ends is None else shapely.LineString(ends)
        return way.buffer(self.radius_px * at.px, quad_segs=12)

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        super().paint(painter, view, dpr)
        at = self._mouse
        if at is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        erases = self._erases if self.is_busy else at.alt or at.right
        color = QColor(*(ERASING if erases else DEFAULT_COLOR))
        place, radius = view.to_screen(*at.point), self.radius_px * dpr
        painter.setBrush(QColor(color.red(), color.green(), color.blue(), 28))
        for pen in (line_pen(HALO, 3 * dpr), line_pen(color, 1.5 * dpr)):
            painter.setPen(pen)
            painter.drawEllipse(QPointF(place), radius, radius)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._resized:
            self._paint_size(painter, view, dpr, place, color)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_size(
        self, painter: QPainter, view: View, dpr: float, place: QPointF, color: QColor
    ) -> None:
        """The diameter on the slide."""
        width = 2 * self.radius_px * self.scene.px
        text = formats.exact_length(width, self.scene.camera.mpp)
        font = label_font(painter, dpr)
        painter.setFont(font)
        radius = self.radius_px * dpr
        box = QRectF(place.x() - radius, place.y() - radius, 2 * radius, 2 * radius)
        placed = place_label(QFontMetricsF(font, painter.device()), text, box, dpr, view, ())
        if placed is not None:
            paint_label(painter, *placed, color, dpr)
