"""Mouse, pen and keyboard on a canvas, with any tool."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)

from ssmamba.rois.outlines import shifted
from viewer.canvas import habits
from viewer.canvas.base import CanvasBase
from viewer.canvas.edge_scroll import EdgeScroll
from viewer.canvas.glide import Glide
from viewer.canvas.inputs import Inputs
from viewer.canvas.tools import ASKING, TOOLS
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.turning import CLICK_PX, Turning

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

Press = QMouseEvent | QTabletEvent


class Pointer(Inputs):
    """Pans and hovers, and passes everything else to the active tool."""

    HANDLERS = {
        QEvent.Type.MouseButtonPress: "press",
        QEvent.Type.MouseMove: "move",
        QEvent.Type.MouseButtonRelease: "release",
        QEvent.Type.MouseButtonDblClick: "double_click",
        QEvent.Type.Leave: "leave",
        QEvent.Type.KeyPress: "key_press",
        QEvent.Type.KeyRelease: "key_release",
        QEvent.Type.FocusOut: "focus_lost",
        QEvent.Type.ContextMenu: "context_menu",
    }

    def __init__(self, canvas: CanvasBase) -> None:
        self._canvas = canvas
        self._scene = canvas.scene
        self._camera = canvas.camera
        self._tools = {tool.id: tool(canvas) for tool in (*TOOLS, *ASKING)}
        self.tool = self._tools[TOOLS[0].id]
        self._grabbed: QPointF | None = None  # last device pixel of a pan
        self._pressed: QPointF | None = None  # device pixel of the press, until it becomes a drag
        self._tool_pressed: QPointF | None = None  # device pixel of the press that the tool handled
        self._tool_button = Qt.MouseButton.NoButton  # of that press
        self._tool_right = False  # whether that press counts as the right button's
        self._held: tuple[QPointF, Qt.KeyboardModifier] | None = None  # last move of that press
        self._scroll = EdgeScroll(canvas.camera, self._move_again, canvas)
        self._glide = Glide(canvas.camera, canvas)
        self._turning = Turning(canvas.camera, canvas.scene)
        self._on_minimap = False
        self._space = False

    # --- tools
    def set_tool(self, tool_id: str) -> None:
        """Raises KeyError when no tool has this id."""
        tool = self._tools[tool_id]
        if tool is not self.tool:
            self.cancel()
            self.tool = tool
            self._update_cursor()
            self._canvas.tool_changed.emit(tool_id)

    def named(self, tool_id: str) -> Tool:
        """A tool by its id; raises KeyError when there is none."""
        return self._tools[tool_id]

    def cancel(self) -> bool:
        """Cancel drawing or dragging; True if there was any."""
        was_busy = self.tool.is_busy
        self.tool.cancel()
        self._end_tool_press()
        self._canvas.pixels.cancel()
        self._canvas.update()
        return was_busy

    def _update_cursor(self) -> None:
        if self._grabbed is not None and self._pressed is None:
            shape = Qt.CursorShape.ClosedHandCursor
        else:
            shape = Qt.CursorShape.OpenHandCursor if self._space else self.tool.cursor
        self._canvas.setCursor(shape)

    # --- mouse
    def press(self, event: Press) -> None:
        self._glide.stop()
        at = self._device(event.position())
        left = event.button() == Qt.MouseButton.LeftButton and not erases(event)
        right = event.button() == Qt.MouseButton.RightButton or erases(event)
        right = right and self.tool.takes_right
        if self._tool_pressed is not None:
            return  # another button while a tool holds one
        turns = self._space and bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if left and self._turning.press(at, anywhere=turns):
            return
        if left and self._scene.on_minimap(at):
            self._on_minimap = True
            self._scene.look_through_minimap(at)
        elif event.button() == Qt.MouseButton.MiddleButton or (self._space and (left or right)):
            self._grab(at)
        elif (left or right) and self.tool.press(self._cursor(event, right=right)):
            self._tool_pressed = at
            self._tool_button, self._tool_right = event.button(), right
            self._held = event.position(), event.modifiers()
            self._canvas.update()
        elif left:
            self._grab(at, may_click=True)

    def move(self, event: Press) -> None:
        at, cursor = self._device(event.position()), self._cursor(event, right=erases(event))
        self._canvas.cursor_moved.emit(cursor.x, cursor.y)
        self._follow(at)
        if self._on_minimap:
            self._scene.look_through_minimap(at)
        elif self._turning.is_held:
            self._turning.move(at)
        elif self._grabbed is not None:
            self._pan(at, event.timestamp())
        elif self._tool_pressed is not None and self._space:
            self._pan_beside_tool(event.position())
        else:
            if self._tool_pressed is not None:
                self._held = event.position(), event.modifiers()
                self._scroll.follow(at, self._scene.dpr)
            self.tool.move(cursor)
            if self.tool.is_busy:
                self._canvas.update()
            elif self.tool.hovers:
                self._hover(at, cursor)

    def release(self, event: Press) -> None:
        at, cursor = self._device(event.position()), self._cursor(event)
        if self._on_minimap:
            self._on_minimap = False
        elif self._turning.is_held:
            self._turning.release()
        elif self._grabbed is not None:
            was_click = self._pressed is not None
            self._drop()
            if not was_click:
                self._glide.let_go(event.timestamp(), self._scene.dpr)
            elif not self.tool.click(cursor):
                self._canvas.roi_clicked.emit(self._scene.roi_at(*cursor.point))
        elif self._tool_pressed is not None and event.button() == self._tool_button:
            is_click, right = self._is_near(at, self._tool_pressed), self._tool_right
            self._end_tool_press()
            self.tool.release(replace(cursor, is_click=is_click, right=right))
            self._canvas.update()

    def double_click(self, event: Press) -> None:
        beside = self._turning.on_compass or self._scene.on_minimap(self._device(event.position()))
        if event.button() == Qt.MouseButton.LeftButton and not beside:
            self.tool.double_click(self._cursor(event))
            self._canvas.update()

    def leave(self, event: QEvent) -> bool:
        self._canvas.cursor_moved.emit(math.nan, math.nan)
        self._follow(None)
        self._set_hovered(None)
        self.tool.leave()
        return False

    def _follow(self, at: QPointF | None) -> None:
        """The crosshair is where the mouse is."""
        self._scene.mouse = at
        if habits.current().crosshair and self._scene.decorated:
            self._canvas.update()

    def _end_tool_press(self) -> None:
        self._tool_pressed = self._held = None
        self._scroll.stop()

    def _move_again(self) -> None:
        """The slide has moved under a mouse that stands still."""
        if self._held is not None:
            self.tool.move(self._cursor_at(*self._held))
            self._canvas.update()

    def _pan_beside_tool(self, position: QPointF) -> None:
        """Pan in the middle of a drawing, whose button is held."""
        if self._held is not None:
            self._camera.pan_by(*self._device(position - self._held[0]).toTuple())
            self._held = position, self._held[1]
        self._scroll.stop()

    def context_menu(self, event: QContextMenuEvent) -> bool:
        """By the mouse, for the ROI under it, or by the keyboard, for the selected ones."""
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            at = self._device(QPointF(event.pos()))
            busy = self.tool.takes_right or self.tool.is_busy or self._grabbed is not None
            if busy:
                return True
            if self._scene.on_minimap(at):
                self._canvas.minimap_menu_requested.emit(event.globalPos())
                return True
            hit = self._scene.roi_at(*self._camera.view.to_slide(at.x(), at.y()))
            if hit is not None and hit not in self._scene.rois.chosen:
                self._canvas.roi_clicked.emit(hit)
            self._canvas.menu_requested.emit(hit, event.globalPos())
        else:
            middle = self._canvas.mapToGlobal(self._canvas.rect().center())
            self._canvas.menu_requested.emit(self._scene.rois.selected, middle)
        return True

    def _grab(self, at: QPointF, *, may_click: bool = False) -> None:
        self._grabbed = at
        self._pressed = at if may_click else None
        self._update_cursor()

    def _drop(self) -> None:
        self._grabbed = self._pressed = None
        self._update_cursor()

    def let_go(self) -> None:
        """What the button was pressed for ends here, without a result."""
        self.cancel()
        self._drop()
        self._turning.let_go()
        self._on_minimap = False

    def _pan(self, at: QPointF, at_ms: float) -> None:
        assert self._grabbed is not None
        if self._pressed is not None:
            if self._is_near(at, self._pressed):
                return
            self._pressed = None
            self._update_cursor()
        dx, dy = (at - self._grabbed).toTuple()
        self._camera.pan_by(dx, dy)
        self._glide.follow(at_ms, dx, dy)
        self._grabbed = at

    def _hover(self, at: QPointF, cursor: Cursor) -> None:
        if self._scene.on_minimap(at):
            self._set_hovered(None)
            return
        if self._turning.is_over(at):
            self._set_hovered(None)
            self._canvas.setCursor(Qt.CursorShape.PointingHandCursor)
            return
        hit = self._scene.roi_at(*cursor.point)
        self._set_hovered(hit)
        shape = self.tool.cursor_at(cursor)
        if shape != self.tool.cursor:
            self._canvas.setCursor(shape)
        elif hit is not None:
            self._canvas.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self._update_cursor()

    def _set_hovered(self, roi_id: str | None) -> None:
        if roi_id != self._scene.rois.hovered:
            self._scene.rois.hovered = roi_id
            self._canvas.roi_hovered.emit(roi_id)
            self._canvas.update()

    # --- wheel and keyboard
    def turn_tool(self, event: QWheelEvent) -> bool:
        """The wheel turns with Ctrl held; False if the tool does not use it."""
        used = self.tool.wheel(self._cursor(event), event.angleDelta().y() / 120)
        if used:
            self._canvas.update()
        return used

    def key_press(self, event: QKeyEvent) -> bool:
        """Handle a key; False if it has no effect here."""
        key = Qt.Key(event.key())
        camera = self._camera
        if self.tool.key(key):
            self._canvas.update()
        elif key in PAN_KEYS and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            steps = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dx, dy = (-steps * v * self._scene.px for v in PAN_KEYS[key])
            return self.nudge(dx, dy)
        elif key in PAN_KEYS:
            dx, dy = PAN_KEYS[key]
            camera.pan_by(dx * PAN_SHARE * camera.view.width, dy * PAN_SHARE * camera.view.height)
        elif key in ZOOM_KEYS:
            camera.zoom_at(ZOOM_KEYS[key], None)
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._hold_space(True)
        elif key == Qt.Key.Key_Escape:
            return self.cancel() or self._leave_tool()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            return self.tool.is_busy or self._request_delete()
        else:
            return False
        return True

    def key_release(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            self._hold_space(False)
        return True

    def focus_lost(self, event: QEvent) -> bool:
        """The space bar may be released where the canvas does not hear of it."""
        self._hold_space(False)
        return False

    def _hold_space(self, held: bool) -> None:
        if held != self._space:
            self._space = held
            self._update_cursor()

    def _leave_tool(self) -> bool:
        """Return to the first tool; False if it is active already."""
        old = self.tool
        self.set_tool(TOOLS[0].id)
        return self.tool is not old

    def _request_delete(self) -> bool:
        chosen = [roi.id for roi in self._scene.rois.chosen_rois()]
        if chosen:
            self._canvas.rois_delete_requested.emit(chosen)
        return bool(chosen)

    def nudge(self, dx: float, dy: float) -> bool:
        """Move the selected ROIs that are not locked; False if there are none.

        dx, dy: along the screen's axes, level-0 pixels.
        """
        cos, sin = self._camera.view.direction
        dx, dy = dx * cos + dy * sin, dy * cos - dx * sin
        free = [roi for roi in self._scene.rois.chosen_rois() if not roi.locked]
        if free:
            self.tool.edit_all([shifted(roi, dx, dy) for roi in free])
        return bool(free)

    # --- positions
    def _device(self, place: QPointF) -> QPointF:
        return place * self._scene.dpr

    def _cursor(self, event: Press | QWheelEvent, *, right: bool = False) -> Cursor:
        return replace(self._cursor_at(event.position(), event.modifiers()), right=right)

    def _cursor_at(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> Cursor:
        at = self._device(position)
        x, y = self._camera.view.to_slide(at.x(), at.y())
        return Cursor(x, y, self._scene.px, modifiers)

    def _is_near(self, at: QPointF, pressed: QPointF) -> bool:
        """Whether a device pixel is too near the press for a drag."""
        return (at - pressed).manhattanLength() < CLICK_PX * self._scene.dpr


def erases(event: Press) -> bool:
    """Whether the other end of a pen is used."""
    return event.pointerType() == QPointingDevice.PointerType.Eraser
