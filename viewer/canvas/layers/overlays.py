"""Paints pictures laid on the slide (CAMs) and the outlines of what the model saw."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ssmamba.reading.values import Window
from viewer.canvas.layers.roi_shape import RoiShape
from viewer.canvas.layers.tile_painter import draw_part
from viewer.canvas.types import Overlay
from viewer.canvas.view import View

HIGHLIGHT = QColor(255, 255, 255)
HIGHLIGHT_GROUND = QColor(0, 0, 0, 150)


class OverlayLayer:
    def __init__(self) -> None:
        self.overlays: tuple[Overlay, ...] = ()
        self.opacity = 1.0
        self.highlight: tuple[Window, ...] = ()
        self._clips: dict[int, RoiShape] = {}

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        self.overlays = tuple(overlays)
        self._clips = {id(o.clip): RoiShape(o.clip) for o in self.overlays if o.clip is not None}

    def paint(self, painter: QPainter, view: View) -> None:
        if not self.overlays or self.opacity <= 0:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        screen = QRectF(0, 0, view.width, view.height)
        nearby = screen.adjusted(-64, -64, 64, 64)
        for overlay in self.overlays:
            right, bottom = overlay.x + overlay.width, overlay.y + overlay.height
            # whole device pixels: neighbouring windows must neither overlap nor leave a gap
            place = QRectF(view.screen_rect((overlay.x, overlay.y, right, bottom)))
            if overlay.image.isNull() or place.isEmpty() or not place.intersects(screen):
                continue
            painter.save()
            if overlay.clip is not None:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
                painter.setClipPath(self._clips[id(overlay.clip)].path_on(view))
            painter.setOpacity(self.opacity * overlay.opacity)
            draw_part(painter, overlay.image, place, nearby)
            painter.restore()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)

    def paint_highlight(self, painter: QPainter, view: View, dpr: float) -> None:
        """Dim nothing, outline each window: the frame must show exactly what was read."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(HIGHLIGHT_GROUND, 4 * dpr), _dashes(dpr)):
            painter.setPen(pen)
            for w in self.highlight:
                painter.drawRect(view.screen_rect_f((w.x, w.y, w.x + w.side, w.y + w.side)))


def _dashes(dpr: float) -> QPen:
    pen = QPen(HIGHLIGHT, 2 * dpr)
    pen.setDashPattern([4, 3])
    return pen
