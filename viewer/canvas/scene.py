"""The contents of one canvas, without the widget: its layers, painted in order."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QPainter

from ssmamba.rois.roi import Point, Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas import habits
from viewer.canvas.camera import Camera
from viewer.canvas.layers.compass import compass_place, paint_compass
from viewer.canvas.layers.guides import paint_crosshair, paint_grid
from viewer.canvas.layers.minimap import Minimap
from viewer.canvas.layers.overlays import OverlayLayer
from viewer.canvas.layers.rois import RoiLayer
from viewer.canvas.layers.scale_bar import magnification_text, paint_scale_bar
from viewer.canvas.layers.tile_map import TileMapLayer
from viewer.canvas.layers.tiles import TileLayer
from viewer.canvas.view import View
from viewer.state.view_colors import colors_text
from viewer.text.tr import tr
from viewer.tiles.source import TileSource

NEAR_PX = 5.0  # distance within which an outline is hit, logical pixels


class Scene:
    """The layers of one canvas and the camera that looks at them."""

    def __init__(self, camera: Camera, decorated: bool) -> None:
        self.camera = camera
        self.decorated = decorated  # with a minimap, scale bar and magnification
        self.has_compass = decorated  # while the slide is turned
        self.covered = 0.0  # of the upper edge, by a message, logical pixels
        self.source: TileSource | None = None
        self.icc = True
        self.drawn_color: tuple[int, int, int] | None = None  # RGB of new ROIs; None = the default
        self.dpr = 1.0  # device pixels per logical pixel
        self.tiles = TileLayer()
        self.rois = RoiLayer()
        self.slide_scan = TileMapLayer()
        self.tissue = TileMapLayer()
        self.tile_map = TileMapLayer()
        self.slide_answer = TileMapLayer()
        self.overlays = OverlayLayer()
        self.minimap = Minimap()
        self.mouse: QPointF | None = None  # device pixel of the pointer; None = elsewhere
        self.pointed: Point | None = None  # where it points in another canvas, level-0 pixels

    @property
    def info(self) -> SlideInfo | None:
        return None if self.source is None else self.source.info

    @property
    def px(self) -> float:
        """Level-0 pixels per logical screen pixel."""
        return self.camera.state.downsample * self.dpr

    def set_source(self, source: TileSource | None) -> None:
        """Show another slide; the ROIs stay until the document replaces them."""
        self.source = source
        self.tiles.set_source(source)
        self.minimap.forget()
        for layer in (self.slide_scan, self.tissue, self.tile_map, self.slide_answer):
            layer.set_picture(None, (0.0, 0.0, 0.0, 0.0))
        self.overlays.set_overlays(())
        self.overlays.highlight = None
        self.camera.set_slide(self.info)

    def set_icc(self, enabled: bool) -> None:
        self.icc = enabled
        self.tiles.set_icc(enabled)
        self.minimap.forget()

    @property
    def shows_all(self) -> bool:
        """Whether the whole slide is in view (its scanned part, if the file defines it)."""
        info, view = self.info, self.camera.view
        if info is None:
            return False
        x, y, width, height = info.bounds or (0, 0, info.width, info.height)
        ends = ((x, y), (x + width, y), (x, y + height), (x + width, y + height))
        screen = QRectF(-1, -1, view.width + 2, view.height + 2)  # a fit may miss it by rounding
        return all(screen.contains(view.to_screen(*end)) for end in ends)

    @property
    def colors_note(self) -> str:
        """What the colours show, unless they are the slide's own."""
        return "" if self.source is None else colors_text(self.source.colors)

    def recolor(self) -> None:
        """The slide is shown in other colours."""
        self.tiles.invalidate()
        self.minimap.refresh()

    def minimap_place(self) -> QRect | None:
        """Rectangle of the minimap, device pixels; None when it is hidden."""
        wanted = self.decorated and habits.current().minimap and not self.shows_all
        if self.source is None or not wanted:
            return None
        return self.minimap.place(self.source, self.camera.view, self.dpr)

    @property
    def has_crosshair(self) -> bool:
        return self.decorated and habits.current().crosshair

    def compass_place(self) -> QRectF | None:
        """Rectangle of the compass, device pixels; None where the slide is upright."""
        view = self.camera.view
        if self.source is None or not self.has_compass or not view.is_turned:
            return None
        return compass_place(view, self.dpr, self.minimap_place(), self.covered)

    def on_minimap(self, at: QPointF) -> bool:
        place = self.minimap_place()
        return place is not None and place.contains(at.toPoint())

    def minimap_slide_place(self, at: QPointF) -> QPointF | None:
        """What the minimap shows at a device pixel, level-0 pixels; None when it is hidden."""
        place = self.minimap_place()
        if place is None or self.source is None:
            return None
        return self.minimap.slide_place(self.source, place, at.x(), at.y())

    def look_through_minimap(self, at: QPointF) -> None:
        """Centre the view on the position shown at a device pixel of the minimap."""
        to = self.minimap_slide_place(at)
        if to is not None:
            self.camera.move_to(to.x(), to.y())

    def is_on_slide(self, roi: Roi) -> bool:
        if self.info is None:
            return False
        left, top, right, bottom = roi.bounds
        return right > 0 and bottom > 0 and left < self.info.width and top < self.info.height

    def roi_at(self, x: float, y: float) -> str | None:
        """Id of the ROI at a position (level-0 px); the smallest when several overlap."""
        return self.rois.at(x, y, NEAR_PX * self.px)

    def paint(self, painter: QPainter, paint_tool: Callable[[QPainter, View, float], None]) -> None:
        """Paint a frame; all layers paint in device pixels.

        ``paint_tool(painter, view, dpr)`` paints between the ROIs and the decorations.
        """
        view, dpr = self.camera.view, self.dpr
        painter.scale(1 / dpr, 1 / dpr)
        self.tiles.paint(painter, view)
        if self.info is None or self.source is None:
            return
        self.tissue.paint(painter, view)  # below the map, whose colours mean something
        self.slide_scan.paint(painter, view)
        self.tile_map.paint(painter, view)
        self.slide_answer.paint(painter, view)
        self.overlays.paint(painter, view)
        self.rois.paint(painter, view, dpr, self.camera.mpp)
        self.overlays.paint_highlight(painter, view, dpr)
        grid = ""
        if self.decorated and habits.current().grid:
            spacing = paint_grid(painter, view, self.info, self.camera.mpp, dpr)
            grid = tr("Grid {length}").format(length=spacing)
        paint_tool(painter, view, dpr)
        if self.decorated:
            if self.has_crosshair:
                at = view.middle if self.pointed is None else view.to_screen(*self.pointed)
                at = at if self.mouse is None else self.mouse
                paint_crosshair(painter, view, at, self.camera.mpp, dpr)
            near = magnification_text(self.camera.magnification(), view.scale)
            note = "  ·  ".join(part for part in (near, self.colors_note, grid) if part)
            paint_scale_bar(painter, view, self.camera.mpp, note, dpr)
            if self.minimap_place() is not None:
                full = self.camera.full_magnification
                self.minimap.paint(painter, self.source, view, dpr, self.icc, full)
        compass = self.compass_place()
        if compass is not None:
            paint_compass(painter, compass, view, dpr)
