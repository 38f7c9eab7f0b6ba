"""Paints images on the slide (CAMs) and the outlines of the windows that a model read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.roi_shape import RoiShape
from viewer.canvas.layers.tile_painter import draw_part, oriented, turned
from viewer.canvas.types import Overlay
from viewer.canvas.view import View

HIGHLIGHT = QColor(255, 255, 255)
HIGHLIGHT_GROUND = QColor(0, 0, 0, 150)
SMALL_PX = 16  # on the screen; windows below it get a hairline: thousands of dashes take long


class OverlayLayer:
    def __init__(self) -> None:
        self.overlays: tuple[Overlay, ...] = ()
        self.opacity = 1.0
        self.highlight: np.ndarray | None = None  # (N, 3) of x, y, side, level-0 pixels
        self._clips: dict[int, RoiShape] = {}
        self._images: list[QImage] = []  # of the overlays, as they stand on the screen
        self._images_for: float | None = None  # rotation

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        known, clips = self._clips, [o.clip for o in overlays if o.clip is not None]
        self._clips = {id(clip): known.get(id(clip)) or _area_of(clip) for clip in clips}
        self.overlays = tuple(overlays)  # only now: an id is unique while its object lives
        self._images_for = None

    def paint(self, painter: QPainter, view: View) -> None:
        if not self.overlays or self.opacity <= 0:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        self._orient(view)
        if view.is_oblique:
            view = turned(painter, view)
        screen = QRectF(0, 0, view.width, view.height)
        nearby = screen.adjusted(-64, -64, 64, 64)
        for overlay, image in zip(self.overlays, self._images, strict=True):
            right, bottom = overlay.x + overlay.width, overlay.y + overlay.height
            # whole device pixels: neighbouring windows must neither overlap nor leave a gap
            place = QRectF(view.screen_rect((overlay.x, overlay.y, right, bottom)))
            if overlay.image.isNull() or place.isEmpty() or not place.intersects(screen):
                continue
            painter.save()
            if overlay.clip is not None:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
                path = self._clips[id(overlay.clip)].path_on(view)
                painter.setClipPath(path, Qt.ClipOperation.IntersectClip)
            painter.setOpacity(self.opacity * overlay.opacity)
            draw_part(painter, image, place, nearby)
            painter.restore()
        painter.restore()

    def _orient(self, view: View) -> None:
        """Have the pictures as they stand on the screen."""
        if self._images_for != view.state.rotation:
            self._images_for = view.state.rotation
            self._images = [oriented(overlay.image, view) for overlay in self.overlays]

    def paint_highlight(self, painter: QPainter, view: View, dpr: float) -> None:
        """Outline each window that was read, without dimming the rest."""
        if self.highlight is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, view.is_oblique)
        frames = _frames(self.highlight, turned(painter, view))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        small = bool(frames) and frames[0].width() < SMALL_PX * dpr
        for pen in (QPen(HIGHLIGHT),) if small else (QPen(HIGHLIGHT_GROUND, 4 * dpr), _dashes(dpr)):
            painter.setPen(pen)
            painter.drawRects(frames)
        painter.restore()


def _area_of(roi: Roi) -> RoiShape:
    from ssmamba.rois.geometry import resolved  # shapely loads slowly

    return RoiShape(resolved(roi))


def _frames(windows: np.ndarray, view: View) -> list[QRectF]:
    """The visible windows (N, 3), device pixels of an upright view."""
    left, top, right, bottom = view.rect
    x, y, side = windows.T
    shown = (x < right) & (x + side > left) & (y < bottom) & (y + side > top)
    scaled = windows[shown] * view.scale + (*view.origin, 0)
    return [QRectF(x, y, side, side) for x, y, side in scaled.tolist()]


def _dashes(dpr: float) -> QPen:
    pen = QPen(HIGHLIGHT, 2 * dpr)
    pen.setDashPattern([4, 3])
    return pen
