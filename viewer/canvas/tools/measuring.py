"""Base of the tools that measure: places are clicked, or the first two dragged."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from ssmamba.rois.roi import Kind, Point, Roi
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.labels import label_font, paint_label, place_label
from viewer.canvas.layers.measures import label_box, measured_text
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View
from viewer.text.tr import tr

SHORTEST_PX = 3.0  # between two places, logical screen pixels
SNAP_DEG = 15.0  # with Shift


class MeasuringTool(Tool):
    """Collects places until there are enough, and shows what they measure all the while."""

    kind: Kind = "ruler"
    needed = 2  # places

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self._places: list[Point] = []
        self._end: Point | None = None  # under the mouse

    @property
    def is_busy(self) -> bool:
        return bool(self._places)

    def cancel(self) -> None:
        self._places, self._end = [], None

    def press(self, at: Cursor) -> bool:
        self.move(at)
        if not self._places:
            self._add(at.point)
        elif at.distance_px(self._places[-1]) > SHORTEST_PX:
            self._add(self._end or at.point)
        return True

    def move(self, at: Cursor) -> None:
        if not self._places:
            return
        rotation = self.scene.camera.state.rotation
        last = self._places[-1]
        self._end = _snapped(last, at.point, rotation) if at.shift else at.point

    def release(self, at: Cursor) -> None:
        """After a drag, the place where the button goes up counts as well."""
        if self._places and not at.is_click and at.distance_px(self._places[-1]) > SHORTEST_PX:
            self.move(at)
            self._add(self._end or at.point)

    def key(self, key: Qt.Key) -> bool:
        if not self._places or key not in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            return False
        del self._places[-1]
        if not self._places:
            self.cancel()
        return True

    def _add(self, place: Point) -> None:
        self._places.append((round(place[0], 2), round(place[1], 2)))
        self._end = place
        if len(self._places) == self.needed:
            places = tuple(self._places)
            self.cancel()
            self.make(Roi(((places,),), kind=self.kind))

    def shown(self) -> Roi | None:
        """What is drawn so far, up to the mouse."""
        if not self._places or self._end is None:
            return None
        places = (*self._places, self._end)
        complete = len(places) == self.needed
        return Roi(((places,),), kind=self.kind if complete else "line")

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        roi = self.shown()
        if roi is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        shape = RoiShape(roi)
        paint_outline(painter, view, dpr, shape, strong=True)
        text = measured_text(roi, self.scene.camera.mpp)
        if text:
            font = label_font(painter, dpr)
            painter.setFont(font)
            metrics = QFontMetricsF(font, painter.device())
            placed = place_label(metrics, text, label_box(roi, view), dpr, view, ())
            if placed is not None:
                paint_label(painter, *placed, shape.color, dpr)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


class Ruler(MeasuringTool):
    """Drag or click from end to end."""

    id = "ruler"
    text = tr("Ruler")
    icon = "ruler"
    keys = "M"
    tip = tr("Measure a length")
    gestures = ((tr("Shift with the ruler or angle tool"), tr("Keep to steps of 15°")),)
    kind: Kind = "ruler"


class Angle(MeasuringTool):
    """Click the end of one arm, the corner, and the end of the other arm."""

    id = "angle"
    text = tr("Angle")
    icon = "angle"
    keys = "Shift+M"
    tip = tr("Measure an angle: click an end, the corner, the other end")
    kind: Kind = "angle"
    needed = 3


def _snapped(start: Point, end: Point, rotation: float) -> Point:
    """The end turned to the nearest step of SNAP_DEG about the start, counted on the screen."""
    length = math.dist(start, end)
    step, turned = math.radians(SNAP_DEG), math.radians(rotation)
    turn = round((math.atan2(end[1] - start[1], end[0] - start[0]) + turned) / step) * step - turned
    return start[0] + length * math.cos(turn), start[1] + length * math.sin(turn)
