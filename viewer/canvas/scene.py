"""Everything that one canvas shows, without the widget."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect

from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas.camera import Camera
from viewer.canvas.layers.minimap import Minimap
from viewer.canvas.layers.overlays import OverlayLayer
from viewer.canvas.layers.rois import RoiLayer
from viewer.canvas.layers.tiles import TileLayer
from viewer.canvas.types import Furniture
from viewer.tiles.source import TileSource


class Scene:
    """The layers of one canvas and the camera that looks at them."""

    def __init__(self, camera: Camera, furniture: Furniture) -> None:
        self.camera = camera
        self.furniture = furniture
        self.source: TileSource | None = None
        self.icc = True
        self.dpr = 1.0  # device pixels per logical pixel
        self.tiles = TileLayer()
        self.rois = RoiLayer()
        self.overlays = OverlayLayer()
        self.minimap = Minimap()

    @property
    def info(self) -> SlideInfo | None:
        return None if self.source is None else self.source.info

    def set_source(self, source: TileSource | None) -> None:
        """Everything of the old slide leaves with it, but the regions (the document's matter)."""
        self.source = source
        self.tiles.set_source(source)
        self.minimap.forget()
        self.overlays.set_overlays(())
        self.overlays.highlight = ()
        self.camera.set_slide(self.info)

    def set_icc(self, enabled: bool) -> None:
        self.icc = enabled
        self.tiles.set_icc(enabled)
        self.minimap.forget()

    def minimap_place(self) -> QRect | None:
        """Where the overview lies, device pixels; None when it is not shown."""
        if self.source is None or not self.furniture.minimap:
            return None
        return self.minimap.place(self.source, self.camera.view, self.dpr)

    def on_minimap(self, at: QPointF) -> bool:
        place = self.minimap_place()
        return place is not None and place.contains(at.toPoint())

    def look_through_minimap(self, at: QPointF) -> None:
        """Bring the place that a device pixel on the overview shows to the middle."""
        place = self.minimap_place()
        if place is not None and self.source is not None:
            to = self.minimap.slide_place(self.source, place, at.x(), at.y())
            self.camera.move_to(to.x(), to.y())

    def is_on_slide(self, roi: Roi) -> bool:
        if self.info is None:
            return False
        left, top, right, bottom = roi.bounds
        return right > 0 and bottom > 0 and left < self.info.width and top < self.info.height
