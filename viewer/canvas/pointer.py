"""What the mouse, trackpad and keyboard do on a canvas."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent
from PySide6.QtWidgets import QPinchGesture, QWidget

from ssmamba.rois.roi import Roi
from viewer.canvas.scene import Scene
from viewer.canvas.tools.shapes import Cursor, DrawTool, Lasso, Outcome, Polygon, Rectangle, Slip
from viewer.canvas.tools.vertex_drag import VertexDrag
from viewer.canvas.types import Tool

CLICK_PX = 4.0  # a press that moves less is a click, logical pixels
NEAR_PX = 5.0  # how near an outline counts as on it
WHEEL_STEPS = 1 / 3  # factors of two for one notch of the wheel
TRACKPAD_STEPS = 1 / 180  # factors of two for one pixel of a trackpad's scroll
PAN_SHARE = 0.2  # of the widget, for one arrow key
PAN_KEYS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
ZOOM_KEYS = {
    Qt.Key.Key_Plus: 0.5,
    Qt.Key.Key_Equal: 0.5,
    Qt.Key.Key_Minus: -0.5,
    Qt.Key.Key_Underscore: -0.5,
}


class Pointer(QObject):
    """Turns a widget's events into changes of the view, drawn regions and edits."""

    drawn = Signal(object)  # Roi
    edited_region = Signal(object)  # Roi with new geometry, same id
    clicked = Signal(object)  # id or None
    hovered = Signal(object)  # id or None
    delete_requested = Signal(str)  # id
    moved_to = Signal(float, float)  # level-0 pixels; NaN, NaN when the mouse leaves
    hint = Signal(str)
    tool_left = Signal()  # Esc: back to moving the slide

    def __init__(self, scene: Scene, widget: QWidget) -> None:
        super().__init__(widget)
        self._scene = scene
        self._camera = scene.camera
        self._widget = widget
        self.tool = Tool.PAN
        self.draw: DrawTool | None = None
        self.vertex = VertexDrag(scene)
        self._grabbed: QPointF | None = None  # last device pixel of a pan
        self._pressed: QPointF | None = None  # device pixel of the press, until it becomes a drag
        self._drawn_from = QPointF()  # device pixel of the press with a drawing tool
        self._on_minimap = False
        self._space = False

    # --- tools
    def set_tool(self, tool: Tool) -> None:
        self.cancel()
        self.tool = tool
        makers: dict[Tool, Callable[[], DrawTool]] = {
            Tool.LASSO: Lasso,
            Tool.POLYGON: Polygon,
            Tool.RECTANGLE: Rectangle,
        }
        maker = makers.get(tool)
        self.draw = None if maker is None else maker()
        self.update_cursor()

    def cancel(self) -> bool:
        """Drop what is half drawn or dragged; True when there was something."""
        busy = bool(self.draw is not None and self.draw.path) or self.vertex.is_active
        if self.draw is not None:
            self.draw.cancel()
        self.vertex.cancel()
        self._widget.update()
        return busy

    def update_cursor(self) -> None:
        if self._grabbed is not None and self._pressed is None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space or self.draw is None:
            shape = Qt.CursorShape.OpenHandCursor if self._space else Qt.CursorShape.ArrowCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self._widget.setCursor(shape)

    # --- mouse
    def press(self, event: QMouseEvent) -> None:
        at = self._device(event.position())
        if event.button() == Qt.MouseButton.LeftButton and self._scene.on_minimap(at):
            self._on_minimap = True
            self._scene.look_through_minimap(at)
            return
        pan = event.button() == Qt.MouseButton.MiddleButton or self._space
        left = event.button() == Qt.MouseButton.LeftButton
        if pan or (left and self.draw is None and not self.vertex.begin(at)):
            self._grabbed = at
            self._pressed = at if left and not self._space else None
            self.update_cursor()
        elif left and self.draw is not None:
            self._drawn_from = at
            self._take(self.draw.press(self._cursor(event)))

    def move(self, event: QMouseEvent) -> None:
        at = self._device(event.position())
        x, y = self._camera.view.to_slide(at.x(), at.y())
        self.moved_to.emit(x, y)
        if self._on_minimap:
            self._scene.look_through_minimap(at)
        elif self._grabbed is not None:
            self._pan(at)
        elif self.vertex.is_active:
            self.vertex.move(x, y)
            self._widget.update()
        elif self.draw is not None:
            self.draw.move(self._cursor(event))
            if self.draw.path:
                self._widget.update()
        else:
            self._hover(at, x, y)

    def release(self, event: QMouseEvent) -> None:
        if self._on_minimap:
            self._on_minimap = False
        elif self._grabbed is not None:
            was_click = self._pressed is not None
            self._grabbed = self._pressed = None
            self.update_cursor()
            if was_click:
                self.clicked.emit(self._roi_at(event))
        elif self.vertex.is_active:
            self._end_vertex()
        elif self.draw is not None and event.button() == Qt.MouseButton.LeftButton:
            self._end_stroke(event, self.draw.release(self._cursor(event)))

    def double_click(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = self._device(event.position())
        if self._scene.on_minimap(at):
            return
        if self.draw is not None:
            self._take(self.draw.finish(self._cursor(event)))
        else:
            self._camera.zoom_at(1.0, at)

    def leave(self) -> None:
        self.moved_to.emit(math.nan, math.nan)
        self.set_hovered(None)

    def _pan(self, at: QPointF) -> None:
        assert self._grabbed is not None
        shift = at - self._grabbed
        if self._pressed is not None:
            if shift.manhattanLength() < CLICK_PX * self._dpr:
                return
            self._pressed = None
            self.update_cursor()
        self._camera.pan_by(shift.x(), shift.y())
        self._grabbed = at

    def _hover(self, at: QPointF, x: float, y: float) -> None:
        if self._scene.on_minimap(at):
            self.set_hovered(None)
            return
        over_vertex = self.vertex.vertex_at(at) is not None
        hit = self._scene.rois.at(x, y, NEAR_PX * self._dpr * self._camera.state.downsample)
        self.set_hovered(hit)
        if over_vertex:
            self._widget.setCursor(Qt.CursorShape.SizeAllCursor)
        elif hit is not None:
            self._widget.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.update_cursor()

    def _roi_at(self, event: QMouseEvent) -> str | None:
        cursor = self._cursor(event)
        return self._scene.rois.at(cursor.x, cursor.y, NEAR_PX * cursor.px)

    def set_hovered(self, roi_id: str | None) -> None:
        if roi_id != self._scene.rois.hovered:
            self._scene.rois.hovered = roi_id
            self.hovered.emit(roi_id)
            self._widget.update()

    # --- drawing and editing
    def _end_stroke(self, event: QMouseEvent, outcome: Outcome) -> None:
        """A mere click on a region selects it, also while a drawing tool is chosen."""
        moved = (self._device(event.position()) - self._drawn_from).manhattanLength()
        hit = self._roi_at(event)
        if isinstance(outcome, Slip) and moved < CLICK_PX * self._dpr and hit is not None:
            self.clicked.emit(hit)
            self._widget.update()
        else:
            self._take(outcome)

    def _take(self, outcome: Outcome) -> None:
        if isinstance(outcome, Slip):
            self.hint.emit(outcome.hint)
        elif isinstance(outcome, Roi):
            if self._scene.is_on_slide(outcome):
                self.drawn.emit(outcome)
            else:
                self.hint.emit("That region lies off the slide; draw it on the tissue.")
        self._widget.update()

    def _end_vertex(self) -> None:
        outcome = self.vertex.end()
        if isinstance(outcome, Roi):
            self.edited_region.emit(outcome)
        elif isinstance(outcome, Slip):
            self.hint.emit(outcome.hint)
        self._widget.update()

    # --- wheel, trackpad, keyboard
    def wheel(self, event: QWheelEvent) -> None:
        at = self._device(event.position())
        from_trackpad = event.phase() != Qt.ScrollPhase.NoScrollPhase
        pixels = event.pixelDelta().y()
        if from_trackpad and pixels:
            self._camera.zoom_at(pixels * TRACKPAD_STEPS, at, smooth=False)
        else:
            self._camera.zoom_at(event.angleDelta().y() / 120 * WHEEL_STEPS, at)

    def native_gesture(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        steps = math.log2(max(1e-3, 1.0 + event.value()))
        self._camera.zoom_at(steps, self._device(event.position()), smooth=False)
        return True

    def pinch(self, gesture: QPinchGesture) -> None:
        factor = gesture.scaleFactor()
        if factor > 0:
            at = self._widget.mapFromGlobal(gesture.centerPoint())
            self._camera.zoom_at(math.log2(factor), self._device(at), smooth=False)

    def key_press(self, event: QKeyEvent) -> bool:
        """Act on a key; False when it means nothing here."""
        key = Qt.Key(event.key())
        camera = self._camera
        if key in PAN_KEYS:
            dx, dy = PAN_KEYS[key]
            camera.pan_by(dx * PAN_SHARE * camera.view.width, dy * PAN_SHARE * camera.view.height)
        elif key in ZOOM_KEYS:
            camera.zoom_at(ZOOM_KEYS[key], None)
        elif key == Qt.Key.Key_0:
            camera.fit()
        elif key == Qt.Key.Key_1:
            camera.zoom_to(1.0)
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self.update_cursor()
        else:
            return self._drawing_key(key)
        return True

    def key_release(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            self._space = False
            self.update_cursor()
        return True

    def focus_lost(self) -> None:
        """The space bar may be let go where the canvas is not told of it."""
        if self._space:
            self._space = False
            self.update_cursor()

    def _drawing_key(self, key: Qt.Key) -> bool:
        selected = self._scene.rois.selected
        is_drawing = self.draw is not None and bool(self.draw.path)
        if key == Qt.Key.Key_Escape:
            if self.cancel():
                return True
            if self.draw is not None:
                self.tool_left.emit()
            return self.draw is not None
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.draw is not None and is_drawing:
            self._take(self.draw.finish(Cursor(0, 0, self._px)))
            return True
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if self.draw is not None and is_drawing:
                self.draw.undo_point()
                self._widget.update()
                return True
            if selected is not None:
                self.delete_requested.emit(selected)
                return True
        return False

    # --- places
    @property
    def _dpr(self) -> float:
        return self._scene.dpr

    @property
    def _px(self) -> float:
        """Level-0 pixels per logical screen pixel."""
        return self._camera.state.downsample * self._dpr

    def _device(self, place: QPointF) -> QPointF:
        return place * self._dpr

    def _cursor(self, event: QMouseEvent) -> Cursor:
        at = self._device(event.position())
        x, y = self._camera.view.to_slide(at.x(), at.y())
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        return Cursor(x, y, self._px, square=shift)
