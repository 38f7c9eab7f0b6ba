"""Wheel, touchpad and touch screen on a canvas."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QLineF, QPointF, Qt
from PySide6.QtGui import QInputDevice, QNativeGestureEvent, QTouchEvent, QWheelEvent
from PySide6.QtWidgets import QGestureEvent

from viewer.canvas import habits
from viewer.canvas.base import CanvasBase
from viewer.canvas.inputs import Inputs
from viewer.canvas.turning import Twist

WHEEL_STEPS = 1 / 3  # factors of two for one notch of the wheel
TOUCHPAD_STEPS = 1 / 180  # factors of two for one pixel of two fingers
PX_PER_NOTCH = 60.0  # of a touchpad that tells notches alone, logical pixels


class Gestures(Inputs):
    """The wheel of a mouse zooms, two fingers move or zoom, and a pinch does both."""

    HANDLERS = {
        QEvent.Type.Wheel: "wheel",
        QEvent.Type.NativeGesture: "native",
        QEvent.Type.TouchUpdate: "touch",
        QEvent.Type.TouchEnd: "touch",
        QEvent.Type.TouchCancel: "touch",
        QEvent.Type.Gesture: "pinch",
    }

    def __init__(
        self,
        canvas: CanvasBase,
        turn_tool: Callable[[QWheelEvent], bool],
        let_go: Callable[[], None],
    ) -> None:
        """turn_tool: the wheel with Ctrl is the tool's; False if it does not use it.
        let_go: a second finger ends what the first one does."""
        self._canvas = canvas
        self._camera = canvas.camera
        self._turn_tool = turn_tool
        self._let_go = let_go
        self._pinching = False
        self._twist = Twist()

    def wheel(self, event: QWheelEvent) -> None:
        at = self._device(event.position())
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if ctrl and self._turn_tool(event):
            return
        if not _is_touchpad(event):
            self._camera.zoom_at(event.angleDelta().y() / 120 * WHEEL_STEPS, at)
            return
        way = QPointF(event.pixelDelta())
        if way.isNull():
            way = QPointF(event.angleDelta()) / 120 * PX_PER_NOTCH
        if ctrl or habits.current().touchpad == "zoom":
            self._camera.zoom_at(way.y() * TOUCHPAD_STEPS, at, smooth=False)
        else:
            self._camera.pan_by(*self._device(way).toTuple())

    def native(self, event: QNativeGestureEvent) -> bool:
        """What the system makes of fingers on a touchpad."""
        if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            steps = math.log2(max(1e-3, 1.0 + event.value()))
            self._camera.zoom_at(steps, self._device(event.position()), smooth=False)
        elif event.gestureType() == Qt.NativeGestureType.PanNativeGesture:  # both fingers move
            self._camera.pan_by(*self._device(event.delta()).toTuple())
        elif event.gestureType() == Qt.NativeGestureType.RotateNativeGesture:
            self._camera.turn_by(self._twist.add(event.value()), self._device(event.position()))
        elif event.gestureType() == Qt.NativeGestureType.BeginNativeGesture:
            self._twist.begin()
        else:
            return False
        return True

    def touch(self, event: QTouchEvent) -> bool:
        """Two fingers on a screen: the places under them stay there. One finger is Qt's mouse."""
        points = event.points()
        is_end = event.type() in (QEvent.Type.TouchEnd, QEvent.Type.TouchCancel)
        if len(points) < 2 or is_end:
            self._pinching = self._pinching and not is_end
            return False
        if not self._pinching:
            self._pinching = True
            self._twist.begin()
            self._let_go()
        one, two = points[:2]
        middle = self._device(one.position() + two.position()) / 2
        before = self._device(one.lastPosition() + two.lastPosition()) / 2
        line = QLineF(one.position(), two.position())
        line_before = QLineF(one.lastPosition(), two.lastPosition())
        width, width_before = line.length(), line_before.length()
        self._camera.pan_by(*(middle - before).toTuple())
        self._camera.turn_by(self._twist.add(line_before.angle() - line.angle()), middle)
        if width and width_before:
            self._camera.zoom_at(math.log2(width / width_before), middle, smooth=False)
        return False

    def pinch(self, event: QGestureEvent) -> bool:
        """Qt hands on the touches as long as it takes them for a pinch; how wide that is, it
        counts twice (Qt 6.11)."""
        return event.gesture(Qt.GestureType.PinchGesture) is not None

    def _device(self, place: QPointF) -> QPointF:
        return place * self._canvas.scene.dpr


def _is_touchpad(event: QWheelEvent) -> bool:
    """Whether fingers scroll. Pixels alone do not tell: under X11 a wheel has them, too."""
    device = event.device()
    touches = device is not None and device.type() == QInputDevice.DeviceType.TouchPad
    return touches or event.phase() != Qt.ScrollPhase.NoScrollPhase
