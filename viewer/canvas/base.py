"""The part of a canvas that the pointer and the tools use: signals, camera and scene."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from viewer.canvas.camera import Camera
from viewer.canvas.pixels import PixelReader
from viewer.canvas.scene import Scene


class CanvasBase(QWidget):
    """A widget with the signals of a canvas, its camera and its scene."""

    slide_opened = Signal(object)  # SlideInfo
    slide_failed = Signal(str, str)  # message, details
    read_failed = Signal(str, str)  # a tile could not be read (once for each slide)
    view_changed = Signal(object)  # ViewState
    tool_changed = Signal(str)  # id of the tool
    roi_drawn = Signal(object)  # Roi
    roi_clicked = Signal(object)  # id or None (a click outside every ROI)
    roi_hovered = Signal(object)  # id or None
    roi_toggled = Signal(str)  # id: into the selection or out of it
    rois_picked = Signal(object)  # list of ids: into the selection
    rois_edited = Signal(object)  # list of Rois with new geometry, same ids; one step
    rois_delete_requested = Signal(object)  # list of ids
    menu_requested = Signal(object, object)  # id or None, and where: QPoint on the screen
    minimap_menu_requested = Signal(object)  # QPoint on the screen
    cursor_moved = Signal(float, float)  # level-0 pixels; NaN, NaN when it leaves
    field_changed = Signal(object)  # Window: the square of the window size, level-0 px
    field_answered = Signal(bool)  # whether it is right, by the keyboard
    white_picked = Signal(object)  # RGB of the place that is to be shown as white
    place_picked = Signal(float, float)  # level-0 pixels: the same as one on another slide
    line_drawn = Signal(float)  # length of a line of known length, level-0 pixels
    hint = Signal(str)  # why nothing was drawn
    first_tile_painted = Signal()
    settled = Signal()  # every visible tile is painted at its final level
    source_changed = Signal(object)  # TileSource or None

    def __init__(self, parent: QWidget | None, decorated: bool) -> None:
        super().__init__(parent)
        self.camera = Camera(self)
        self.scene = Scene(self.camera, decorated)
        self.pixels = PixelReader(self.scene)
