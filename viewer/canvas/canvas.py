"""The slide canvas widget: combines camera, layers, pointer and tile source."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas.base import CanvasBase
from viewer.canvas.gestures import Gestures
from viewer.canvas.inputs import Inputs
from viewer.canvas.layers.cross import paint_cross
from viewer.canvas.minimap_tip import MinimapTip
from viewer.canvas.pen import Pen
from viewer.canvas.pointer import Pointer
from viewer.canvas.slide_holder import SlideHolder
from viewer.canvas.tools.field_square import FieldSquare
from viewer.canvas.tools.landmark import Landmark
from viewer.canvas.types import Overlay, ViewState
from viewer.look import tokens
from viewer.state.settings import ViewColors
from viewer.text.tr import tr
from viewer.tiles.pyramid import TileKey
from viewer.tiles.source import TileSource

RING_PX = 2  # width of the frame while the keyboard is here
BY_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class SlideCanvas(CanvasBase):
    """Shows one slide; positions are (x, y) in level-0 pixels. No slide is read on its thread."""

    _inputs: Mapping[QEvent.Type, Inputs] = {}  # events come before this is set

    def __init__(self, parent: QWidget | None = None, *, decorations: bool = True) -> None:
        """``decorations`` False: no minimap, scale bar or magnification (comparison cells)."""
        super().__init__(parent, decorations)
        self._slides = SlideHolder(self)
        self.pointer = pointer = Pointer(self)
        gestures = Gestures(self, pointer.turn_tool, pointer.let_go)
        parts = (pointer, gestures, Pen(self, pointer), MinimapTip(self))
        self._inputs = {kind: part for part in parts for kind in part.HANDLERS}
        self._requested: tuple[list[TileKey], list[TileKey]] | None = None
        self._was_settled = False
        self._by_keyboard = False  # the keyboard brought the focus here
        self._first_announced = False
        self._frame_pending = True  # something changed since the last paint
        self._painted = QTimer(self, singleShot=True, interval=0)
        self._more_rois = QTimer(self, singleShot=True, interval=0)
        self._connect()
        self._follow_theme()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        if sys.platform != "darwin":  # macOS also sends a pinch as a native gesture
            self.grabGesture(Qt.GestureType.PinchGesture)
        self.setMinimumSize(48, 48)
        self.setAccessibleName(tr("Slide"))

    def _connect(self) -> None:
        slides = self._slides
        slides.changed.connect(self._on_source_changed)
        slides.opened.connect(self._on_opened)
        slides.failed.connect(self.slide_failed)
        self.camera.changed.connect(self._on_view_changed)
        self._painted.timeout.connect(self._after_paint)
        self._more_rois.timeout.connect(lambda: self._take_rois(self.scene.rois.go_on))

    # --- slide
    def open_slide(self, path: str) -> None:
        """Open in a worker; ``slide_opened`` or ``slide_failed`` follows.

        The current slide stays until the new one is open, or if that fails.
        """
        self._slides.open(path)

    def stop_opening(self) -> None:
        """The slide that is being opened is not wanted any more; the current one stays."""
        self._slides.stop_opening()

    def close_slide(self) -> None:
        """Show no slide; its file is closed and its tiles are freed, unless others show it."""
        self._slides.stop_opening()
        self._slides.take(None)

    def show_source(self, source: TileSource) -> None:
        """Show a slide that is open already, with its tile cache; no ``slide_opened`` follows."""
        self._slides.stop_opening()
        self._slides.take(source)

    def share_source(self, other: SlideCanvas) -> None:
        """Show the slide of another canvas, with its tile cache; follows it to later slides."""
        other.source_changed.connect(self._slides.take)
        self._slides.take(other.source)

    @property
    def source(self) -> TileSource | None:
        return self._slides.source

    def set_mpp(self, mpp: float | None) -> None:
        """µm per level-0 pixel set by the user; None = the slide's own."""
        self.camera.set_mpp(mpp)
        self.update()

    def set_icc_enabled(self, enabled: bool) -> None:
        """Whether the slide's ICC profile is applied to the view (default True)."""
        if enabled != self.scene.icc:
            self.scene.set_icc(enabled)
            self._touch()

    def set_colors(self, colors: ViewColors) -> None:
        """How the slide is shown, here and in all canvases that share it."""
        if self.source is not None:
            self.source.set_colors(colors)

    def _on_colors_changed(self) -> None:
        self.scene.recolor()
        self._touch()

    def _on_opened(self, info: SlideInfo) -> None:
        threading.Thread(target=_import_geometry, name="geometry", daemon=True).start()
        self.slide_opened.emit(info)

    def _on_source_changed(self, source: TileSource | None) -> None:
        old = self.scene.source
        if old is not None:
            old.tile_ready.disconnect(self._on_tile_ready)
            old.read_failed.disconnect(self.read_failed)
            old.colors_changed.disconnect(self._on_colors_changed)
        if source is not None:
            source.tile_ready.connect(self._on_tile_ready)
            source.read_failed.connect(self.read_failed)
            source.colors_changed.connect(self._on_colors_changed)
        self._requested = None
        self._first_announced = False
        self.pointer.cancel()
        self.scene.set_source(source)
        self._touch()
        self.source_changed.emit(source)

    def _on_tile_ready(self, key: TileKey) -> None:
        pyramid = None if self.source is None else self.source.pyramid
        in_minimap = pyramid is not None and key.level == pyramid.coarsest
        if self.scene.tiles.tile_arrived(key) or (in_minimap and self.scene.decorated):
            self.update()
        self.pixels.answer()

    # --- view
    def view_state(self) -> ViewState:
        return self.camera.state

    def set_view_state(self, state: ViewState) -> None:
        """Change the view; no signal when nothing changes, so linked canvases do not echo."""
        self.camera.look(state)

    def _on_view_changed(self, state: ViewState) -> None:
        self._touch()
        self.view_changed.emit(state)
        at = self.scene.mouse  # which stands still: another place is under it now
        if at is not None:
            self.cursor_moved.emit(*self.camera.view.to_slide(at.x(), at.y()))

    def point_at(self, place: tuple[float, float] | None) -> None:
        """Mark the place that the mouse points at in another canvas (level-0 px); None: none."""
        if place != self.scene.pointed:
            self.scene.pointed = place
            self.update()

    # --- tools, regions, overlays
    def tool(self) -> str:
        """The id of the chosen tool."""
        return self.pointer.tool.id

    def set_tool(self, tool_id: str) -> None:
        """Choose one of ``viewer.canvas.tools.TOOLS``; raises KeyError when no tool has this id."""
        self.pointer.set_tool(tool_id)

    @property
    def field_square(self) -> FieldSquare:
        """The square of the window size; chosen with ``set_tool(FieldSquare.id)``."""
        tool = self.pointer.named(FieldSquare.id)
        assert isinstance(tool, FieldSquare)
        return tool

    @property
    def landmark(self) -> Landmark:
        """The tool that marks places, with those that it shows."""
        tool = self.pointer.named(Landmark.id)
        assert isinstance(tool, Landmark)
        return tool

    def set_rois(self, rois: Sequence[Roi]) -> None:
        """Show these; where very many are new, the window answers until they are there."""
        self._take_rois(partial(self.scene.rois.set_rois, rois))

    def _take_rois(self, take: Callable[[], object]) -> None:
        layer = self.scene.rois
        before = {roi.id: roi for roi in layer.chosen_rois()}
        take()
        if not layer.is_complete:
            self._more_rois.start()
            return
        after = {roi.id: roi for roi in layer.chosen_rois()}
        if before.keys() != after.keys() or any(after[i] is not before[i] for i in after):
            self.pointer.tool.selection_changed()
        self.update()

    def set_selected(self, roi_id: str | None, chosen: Iterable[str] = ()) -> None:
        """The selected ROI, whose results are shown, and all that are chosen with it."""
        layer = self.scene.rois
        everything = frozenset(chosen) | ({roi_id} if roi_id is not None else set())
        if (roi_id, everything) != (layer.selected, layer.chosen):
            layer.selected, layer.chosen = roi_id, everything
            self.pointer.tool.selection_changed()
            self.update()

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        self.scene.overlays.set_overlays(overlays)
        self.update()

    def set_overlay_opacity(self, opacity: float) -> None:
        self.scene.overlays.opacity = min(max(opacity, 0.0), 1.0)
        self.update()

    def set_highlight(self, windows: np.ndarray | None) -> None:
        """Outline the squares that the model saw, (N, 3) of x, y, side; None removes them."""
        self.scene.overlays.highlight = windows
        self.update()

    # --- state and painting
    def is_settled(self) -> bool:
        """Whether all ROIs, and every visible tile at its final level, have been painted."""
        return (
            self.scene.info is not None
            and not self._frame_pending
            and self.scene.rois.is_complete
            and not self.scene.tiles.missing
            and not self.camera.is_moving
        )

    def _touch(self) -> None:
        self._frame_pending = True
        self._was_settled = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._match_screen()
        painter = QPainter(self)
        try:
            self.scene.paint(painter, self.pointer.tool.paint)
            painter.resetTransform()  # to logical pixels
            pointed = None if self.scene.has_crosshair else self.scene.pointed
            if pointed is not None and not self.underMouse():
                paint_cross(painter, self.camera.view.to_screen(*pointed) / self.scene.dpr)
            if self._by_keyboard:
                painter.setPen(QPen(QColor(tokens.current().accent), RING_PX))
                painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        finally:
            painter.end()  # also after an error: Qt crashes on a painter that is left open
        self._request_tiles()
        self._frame_pending = not self.scene.rois.is_whole
        if self._frame_pending:
            self.update()
        self._painted.start()

    def _match_screen(self) -> None:
        dpr = self.devicePixelRatioF()
        self.scene.dpr = dpr
        self.camera.set_screen(round(self.width() * dpr), round(self.height() * dpr))

    def _request_tiles(self) -> None:
        if self.source is None:
            return
        tiles = self.scene.tiles.needed(self.camera.view)
        if tiles != self._requested:
            self._requested = tiles
            self.source.want(self._slides.client, *tiles)

    def _after_paint(self) -> None:
        if self.scene.tiles.painted_any and not self._first_announced:
            self._first_announced = True
            self.first_tile_painted.emit()
        if self.is_settled() and not self._was_settled:
            self._was_settled = True
            self.settled.emit()

    def _follow_theme(self) -> None:
        self.scene.tiles.set_background(QColor(tokens.current().canvas))
        self.update()

    # --- events
    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is to those who came here with it."""
        self._by_keyboard = event.reason() in BY_KEYBOARD
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = False
        super().focusOutEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._follow_theme()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._match_screen()
        self._touch()

    def event(self, event: QEvent) -> bool:
        part = self._inputs.get(event.type())
        return (part is not None and part.handle(event)) or super().event(event)


def _import_geometry() -> None:
    """Import shapely early, so that the first lasso does not wait for it."""
    import ssmamba.rois.geometry  # noqa: F401
