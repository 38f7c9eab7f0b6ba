"""Base of the canvas's tools, with the services that the canvas offers them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from ssmamba.rois.roi import Point, Roi
from viewer.canvas.base import CanvasBase
from viewer.canvas.pixels import Pixels
from viewer.canvas.view import View
from viewer.text.tr import tr
from viewer.tiles.pyramid import Rect


@dataclass(frozen=True)
class Cursor:
    """Position and state of the mouse."""

    x: float  # level-0 pixels
    y: float
    px: float  # level-0 pixels per logical screen pixel
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    is_click: bool = False  # the button is released where it was pressed
    right: bool = False  # the right button, or a pen's other end; only for tools that take it

    @property
    def point(self) -> Point:
        return self.x, self.y

    @property
    def shift(self) -> bool:
        return bool(self.modifiers & Qt.KeyboardModifier.ShiftModifier)

    @property
    def alt(self) -> bool:
        return bool(self.modifiers & Qt.KeyboardModifier.AltModifier)

    @property
    def adds(self) -> bool:
        """Whether Ctrl or Shift is held, which add to a selection."""
        return self.shift or bool(self.modifiers & Qt.KeyboardModifier.ControlModifier)

    def distance_px(self, point: Point) -> float:
        """Distance to a point on the slide, logical screen pixels."""
        return math.dist(self.point, point) / self.px

    def around(self, radius_px: float) -> Rect:
        """The square about the cursor, level-0 pixels; ``radius_px`` logical screen pixels."""
        r = radius_px * self.px
        return self.x - r, self.y - r, self.x + r, self.y + r


class Tool:
    """One tool of one canvas; only the active one receives gestures.

    A press that is handled (True) is followed by moves and one release, unless ``cancel`` comes
    first. Moves also come without a press. The canvas repaints after each gesture, and after moves
    while the tool is busy; at other times a tool calls ``self.canvas.update()``.
    """

    id = ""  # also of its action
    text = ""  # in the menu and on the tool bar
    icon = ""  # name in viewer.look.icons
    keys = ""  # shortcut, as QKeySequence reads it
    tip = ""  # tool tip
    hint = ""  # how to use it: one sentence, shown when a gesture drew nothing
    gestures: tuple[tuple[str, str], ...] = ()  # (keys, effect), for the list of shortcuts
    cursor = Qt.CursorShape.CrossCursor
    hovers = False  # whether ROIs light up under the mouse
    takes_right = False  # whether it uses the right button, which else opens a menu

    def __init__(self, canvas: CanvasBase) -> None:
        self.canvas = canvas
        self.scene = canvas.scene

    # --- to override
    @property
    def is_busy(self) -> bool:
        """Whether a drawing or drag is in progress, which Esc cancels."""
        return False

    def press(self, at: Cursor) -> bool:
        """A button goes down. False: not handled, so that it pans or selects."""
        return False

    def move(self, at: Cursor) -> None:
        """The mouse moves, with or without a button down."""

    def release(self, at: Cursor) -> None:
        """The button goes up."""

    def click(self, at: Cursor) -> bool:
        """A press that was not handled, and so would pan, was a click. False: it selects."""
        return False

    def double_click(self, at: Cursor) -> None:
        """Comes after the press and release of the first click, in place of the second press."""

    def wheel(self, at: Cursor, steps: float) -> bool:
        """The wheel turns with Ctrl held; positive away from the user. False: it zooms."""
        return False

    def key(self, key: Qt.Key) -> bool:
        """A key goes down. False: not handled, so that the canvas may use it."""
        return False

    def cancel(self) -> None:
        """Cancel drawing: Esc, another tool or another slide."""

    def leave(self) -> None:
        """The mouse leaves the canvas."""

    def selection_changed(self) -> None:
        """Another ROI is selected, or none, or the selected one has changed."""

    def cursor_at(self, at: Cursor) -> Qt.CursorShape:
        """The mouse cursor at a position, for tools that hover."""
        return self.cursor

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        """Paint over the ROIs, in device pixels; ``dpr`` device pixels are a logical one."""

    # --- services of the canvas
    @property
    def selected(self) -> Roi | None:
        return self.scene.rois.get(self.scene.rois.selected)

    def make(self, roi: Roi) -> None:
        """Add a new ROI, unless it is outside the slide."""
        if self.is_on_slide(roi):
            self.canvas.roi_drawn.emit(roi)

    def is_on_slide(self, roi: Roi) -> bool:
        """Whether any of an ROI is on the slide; if not, the user is told."""
        found = self.scene.is_on_slide(roi)
        if not found:
            self.canvas.hint.emit(tr("The region is outside the slide. Draw it on the tissue."))
        return found

    def edit(self, roi: Roi) -> None:
        """Replace the ROI of the same id."""
        self.edit_all([roi])

    def edit_all(self, rois: Sequence[Roi]) -> None:
        """Replace the ROIs of the same ids, as one step."""
        self.canvas.rois_edited.emit(list(rois))

    def read_pixels(self, rect: Rect, then: Callable[[Pixels], None]) -> None:
        """Call ``then`` with the pixels of a rectangle (level-0 px) of the slide as shown.

        At once if its tiles are in memory, else when they have been read, unless ``cancel``
        comes first. Raises ValueError when the rectangle is too large (see ``PixelReader.read``).
        """
        self.canvas.pixels.read(rect, then)
