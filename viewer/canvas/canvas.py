"""The slide canvas widget: what is shown where; the layers paint, the pointer acts."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QNativeGestureEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from ssmamba.engine.messages import Window
from ssmamba.roi import Roi
from ssmamba.slide import SlideInfo
from viewer.canvas.frame import FramePainter
from viewer.canvas.minimap import Minimap
from viewer.canvas.overlay_layer import OverlayLayer
from viewer.canvas.pointer import Pointer
from viewer.canvas.roi_layer import RoiLayer
from viewer.canvas.tile_layer import TileLayer
from viewer.canvas.types import Furniture, Overlay, Tool, ViewState
from viewer.canvas.view import View, fitting, limited
from viewer.canvas.zoom import SmoothZoom
from viewer.tiles.pyramid import TileKey
from viewer.tiles.source import TileSource

FIT_MARGIN = 0.02
UM_AT_1X = 10.0  # µm per screen pixel that is called 1×: 0.25 µm is 40×

_clients = itertools.count(1)


class SlideCanvas(QWidget):
    """Shows one slide; places are (x, y) in level-0 pixels. No slide is read on its thread."""

    slide_opened = Signal(object)  # SlideInfo
    slide_failed = Signal(str, str)  # one sentence with the next step, details
    read_failed = Signal(str, str)  # a tile could not be read (once for each slide)
    view_changed = Signal(object)  # ViewState
    tool_changed = Signal(object)  # Tool
    roi_drawn = Signal(object)  # Roi
    roi_clicked = Signal(object)  # id or None (click beside every region)
    roi_hovered = Signal(object)  # id or None
    roi_edited = Signal(object)  # Roi with new geometry, same id
    roi_delete_requested = Signal(str)  # id
    cursor_moved = Signal(float, float)  # level-0 pixels; NaN, NaN when it leaves
    hint = Signal(str)  # one short sentence: why nothing was drawn
    first_tile_painted = Signal()
    settled = Signal()  # every visible tile is painted at its final level
    source_changed = Signal(object)  # TileSource or None

    def __init__(self, parent: QWidget | None = None, *, furniture: bool = True) -> None:
        """``furniture`` False: no minimap, scale bar or readout (comparison cells)."""
        super().__init__(parent)
        self._client = next(_clients)
        self._source: TileSource | None = None
        self._pending: TileSource | None = None  # being opened; the old slide stays meanwhile
        self._state = ViewState(0.0, 0.0, 1.0)
        self._auto_fit = True  # until the user moves, a resize fits the slide again
        self._mpp: float | None = None
        self._icc = True
        self._wished: tuple[list[TileKey], list[TileKey]] | None = None
        self._was_settled = False
        self._first_told = False
        self._frame_pending = True  # the state changed since the last paint
        self.furniture = Furniture(furniture, furniture, furniture)
        self.tiles = TileLayer()
        self.rois = RoiLayer()
        self.overlays = OverlayLayer()
        self.minimap = Minimap()
        self.pointer = Pointer(self)
        self._painter = FramePainter(self)
        self._zoom = SmoothZoom(self._zoom_now, self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setMinimumSize(48, 48)
        self.setAccessibleName("Slide")
        self.destroyed.connect(_detacher(self))

    # --- slide
    def open_slide(self, path: str) -> None:
        """Open in a worker; ``slide_opened`` or ``slide_failed`` follows.

        The slide shown so far stays until the new one is open, also when that fails.
        """
        self._drop_pending()
        source = TileSource(path)
        source.attach(self._client)
        source.opened.connect(lambda _info: self._on_opened(source))
        source.failed.connect(lambda message, details: self._on_failed(source, message, details))
        self._pending = source
        source.open()

    def close_slide(self) -> None:
        self._drop_pending()
        self._adopt(None)

    def share_source(self, other: SlideCanvas) -> None:
        """Show the slide of another canvas, with its tile cache; follows it to later slides."""
        other.source_changed.connect(self._adopt)
        self._adopt(other.source)

    @property
    def source(self) -> TileSource | None:
        return self._source

    def _on_opened(self, source: TileSource) -> None:
        if source is not self._pending or source.info is None:
            return
        self._pending = None
        threading.Thread(target=_import_geometry, name="geometry", daemon=True).start()
        self._adopt(source)
        self.slide_opened.emit(source.info)

    def _on_failed(self, source: TileSource, message: str, details: str) -> None:
        if source is self._pending:
            self._drop_pending()
            self.slide_failed.emit(message, details)

    def _drop_pending(self) -> None:
        if self._pending is not None:
            self._pending.detach(self._client)
            self._pending = None

    def _adopt(self, source: TileSource | None) -> None:
        """Show another source; everything of the old slide leaves with it."""
        old = self._source
        if source is old:
            return
        if source is not None:
            source.attach(self._client)
            source.tile_ready.connect(self._on_tile_ready)
            source.read_failed.connect(self.read_failed)
        if old is not None:
            old.tile_ready.disconnect(self._on_tile_ready)
            old.read_failed.disconnect(self.read_failed)
            old.detach(self._client)
        self._source = source
        self._mpp = None
        self._wished = None
        self._first_told = False
        self._zoom.stop()
        self.tiles.set_source(source)
        self.minimap.forget()
        self.pointer.cancel()
        self.overlays.set_overlays(())
        self.overlays.highlight = ()
        self.source_changed.emit(source)
        self.fit()
        self._touch()

    def _on_tile_ready(self, key: TileKey) -> None:
        if self.sender() not in (None, self._source):
            return
        pyramid = None if self._source is None else self._source.pyramid
        in_minimap = pyramid is not None and key.level == pyramid.coarsest
        if self.tiles.tile_arrived(key) or (in_minimap and self.furniture.minimap):
            self.update()

    @property
    def slide_info(self) -> SlideInfo | None:
        return None if self._source is None else self._source.info

    def set_mpp(self, mpp: float | None) -> None:
        """µm per level-0 pixel as the user corrected it; None = the slide's own."""
        self._mpp = mpp
        self.update()

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel in use: the user's, else the slide's, else None."""
        if self._mpp is not None:
            return self._mpp
        return None if self.slide_info is None else self.slide_info.mpp

    def set_icc_enabled(self, enabled: bool) -> None:
        """Whether the slide's ICC profile is applied to the view (default True)."""
        self._icc = enabled
        self.tiles.set_icc(enabled)
        self.minimap.forget()
        self._touch()

    @property
    def icc_enabled(self) -> bool:
        return self._icc

    # --- view
    @property
    def view(self) -> View:
        dpr = self.devicePixelRatioF()
        return View(self._state, round(self.width() * dpr), round(self.height() * dpr))

    def view_state(self) -> ViewState:
        return self._state

    def set_view_state(self, state: ViewState) -> None:
        """Look elsewhere; silent when nothing changes, so linked canvases do not echo."""
        self._auto_fit = False
        self._zoom.stop()
        self._set_state(state)

    def _set_state(self, state: ViewState) -> None:
        info = self.slide_info
        if info is not None:
            state = limited(state, info.width, info.height)
        if state == self._state:
            return
        self._state = state
        self._touch()
        self.view_changed.emit(state)

    def fit(self) -> None:
        """Show the whole slide (the scanned part, where the file says which it is)."""
        self._zoom.stop()
        self._auto_fit = True
        info = self.slide_info
        if info is None:
            return
        x, y, width, height = info.bounds or (0, 0, info.width, info.height)
        view = self.view
        rect = (x, y, x + width, y + height)
        self._set_state(fitting(rect, view.width, view.height, FIT_MARGIN))

    def fit_rect(self, x0: float, y0: float, x1: float, y1: float, margin: float = 0.1) -> None:
        """Show a rectangle of level-0 pixels with a margin (share of its size on each side)."""
        view = self.view
        self.set_view_state(fitting((x0, y0, x1, y1), view.width, view.height, margin))

    def magnification(self) -> float | None:
        """Objective-like magnification of the view (10 / µm per screen pixel).

        Without µm/px it comes from the objective power; None when neither is known.
        """
        full = self._full_magnification()
        return None if full is None else full / self._state.downsample

    def set_magnification(self, magnification: float) -> None:
        """Show at an objective's magnification; without calibration ``magnification`` %/100."""
        full = self._full_magnification() or 1.0
        state = ViewState(self._state.center_x, self._state.center_y, full / magnification)
        self.set_view_state(state)

    def _full_magnification(self) -> float | None:
        """Of one slide pixel on one screen pixel."""
        if self.mpp is not None:
            return UM_AT_1X / self.mpp
        return None if self.slide_info is None else self.slide_info.objective_power

    def zoom_by(self, factor: float) -> None:
        """Zoom about the middle; > 1 comes nearer."""
        self.zoom_at(math.log2(factor), None)

    def zoom_at(self, steps: float, at: QPointF | None, *, smooth: bool = True) -> None:
        """Zoom by factors of two about a device pixel (None: the middle)."""
        view = self.view
        x, y = (view.width / 2, view.height / 2) if at is None else at.toTuple()
        if smooth:
            self._zoom.add(steps, x, y)
        else:
            self._zoom_now(2.0**steps, x, y)

    def _zoom_now(self, factor: float, px: float, py: float) -> None:
        if self.slide_info is None:
            return
        self._auto_fit = False
        view = self.view
        info = self.slide_info
        wanted = view.zoomed(factor, px, py)
        held = limited(wanted, info.width, info.height).downsample
        self._set_state(view.zoomed(self._state.downsample / held, px, py))

    def pan_by(self, dx: float, dy: float) -> None:
        """Drag the slide by device pixels."""
        self._auto_fit = False
        self._set_state(self.view.panned(dx, dy))

    # --- tools, regions, overlays
    def tool(self) -> Tool:
        return self.pointer.tool

    def set_tool(self, tool: Tool) -> None:
        if tool is not self.pointer.tool:
            self.pointer.set_tool(tool)
            self.tool_changed.emit(tool)

    def set_rois(self, rois: Sequence[Roi]) -> None:
        self.rois.set_rois(rois)
        self.update()

    def set_selected(self, roi_id: str | None) -> None:
        if roi_id != self.rois.selected:
            self.pointer.cancel()
            self.rois.selected = roi_id
            self.update()

    def set_hovered(self, roi_id: str | None) -> None:
        if roi_id != self.rois.hovered:
            self.rois.hovered = roi_id
            self.roi_hovered.emit(roi_id)
            self.update()

    def is_on_slide(self, roi: Roi) -> bool:
        info = self.slide_info
        if info is None:
            return False
        left, top, right, bottom = roi.bounds
        return right > 0 and bottom > 0 and left < info.width and top < info.height

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        self.overlays.set_overlays(overlays)
        self.update()

    def set_overlay_opacity(self, opacity: float) -> None:
        self.overlays.opacity = min(max(opacity, 0.0), 1.0)
        self.update()

    def set_highlight(self, windows: Sequence[Window]) -> None:
        """Outline the squares that the model saw; empty removes them."""
        self.overlays.highlight = tuple(windows)
        self.update()

    def set_furniture(self, *, minimap: bool, scale_bar: bool, readout: bool) -> None:
        self.furniture = Furniture(minimap, scale_bar, readout)
        self.update()

    def set_background(self, color: QColor) -> None:
        """The colour beside the slide."""
        self.tiles.background = color
        self.tiles.invalidate()
        self.update()

    def minimap_at(self, at: QPointF) -> bool:
        """Whether a device pixel is on the minimap."""
        if self._source is None or not self.furniture.minimap:
            return False
        place = self.minimap.place(self._source, self.view, self.devicePixelRatioF())
        return place is not None and place.contains(at.toPoint())

    def move_to_minimap(self, at: QPointF) -> None:
        """Look at the place of the slide that a device pixel on the minimap shows."""
        if self._source is None:
            return
        place = self.minimap.place(self._source, self.view, self.devicePixelRatioF())
        if place is not None:
            to = self.minimap.slide_place(self._source, place, at.x(), at.y())
            self.set_view_state(ViewState(to.x(), to.y(), self._state.downsample))

    # --- state and painting
    def is_settled(self) -> bool:
        """Whether every visible tile has been painted at its final level."""
        return (
            self.slide_info is not None
            and not self._frame_pending
            and not self.tiles.missing
            and not self._zoom.is_running
        )

    def _touch(self) -> None:
        self._frame_pending = True
        self._was_settled = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        view = self.view
        painter = QPainter(self)
        self._painter.paint(painter, view)
        painter.end()
        self._wish(view)
        self._frame_pending = False
        QTimer.singleShot(0, self, self._after_paint)

    def _wish(self, view: View) -> None:
        if self._source is None:
            return
        wishes = self.tiles.wishes(view)
        if wishes != self._wished:
            self._wished = wishes
            self._source.want(self._client, *wishes)

    def _after_paint(self) -> None:
        if self.tiles.painted_any and not self._first_told:
            self._first_told = True
            self.first_tile_painted.emit()
        if self.is_settled() and not self._was_settled:
            self._was_settled = True
            self.settled.emit()

    # --- events
    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._auto_fit:
            self.fit()
        self._touch()

    def mousePressEvent(self, event) -> None:
        self.pointer.press(event)

    def mouseMoveEvent(self, event) -> None:
        self.pointer.move(event)

    def mouseReleaseEvent(self, event) -> None:
        self.pointer.release(event)

    def mouseDoubleClickEvent(self, event) -> None:
        self.pointer.double_click(event)

    def wheelEvent(self, event) -> None:
        self.pointer.wheel(event)
        event.accept()

    def leaveEvent(self, event) -> None:
        self.pointer.leave()

    def keyPressEvent(self, event) -> None:
        if not self.pointer.key_press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event) -> None:
        if not self.pointer.key_release(event):
            super().keyReleaseEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and self.pointer.native_gesture(event):
            return True
        if event.type() == QEvent.Type.Gesture and isinstance(event, QGestureEvent):
            gesture = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(gesture, QPinchGesture):
                self.pointer.pinch(gesture)
                return True
        return super().event(event)


def _detacher(canvas: SlideCanvas):
    """Frees the slide of a destroyed canvas; holds its dictionary, not the dead widget."""
    state = canvas.__dict__

    def detach() -> None:
        for name in ("_pending", "_source"):
            source = state.get(name)
            if source is not None:
                source.detach(state["_client"])

    return detach


def _import_geometry() -> None:
    """Load shapely ahead: the first lasso must not wait for it."""
    import ssmamba.geometry  # noqa: F401
