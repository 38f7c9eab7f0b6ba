"""Paints a map of tiles over the slide, each tile in one colour."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, qRgba

from viewer.canvas.layers.tile_painter import draw_part, turned
from viewer.canvas.view import View
from viewer.tiles.pyramid import Rect


class TileMapLayer:
    """One image with a few pixels a tile, drawn without smoothing unless asked to."""

    def __init__(self) -> None:
        self._image: QImage | None = None
        self._numbers: np.ndarray | None = None
        self._rect: Rect = (0.0, 0.0, 0.0, 0.0)
        self.opacity = 1.0
        self.smooth = False
        self.clip: Rect | None = None  # nothing is painted off it, level-0 pixels

    def set_picture(self, rgba: np.ndarray | None, rect: Rect) -> None:
        """(H, W, 4) uint8, and where it lies (left, top, right, bottom), level-0 pixels; None
        removes it.
        """
        self._rect = rect
        if rgba is None:
            self._image = None
            return
        height, width = rgba.shape[:2]
        pixels = np.ascontiguousarray(rgba)
        made = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self._image = made.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)

    def set_numbers(self, numbers: np.ndarray, colours: np.ndarray, rect: Rect) -> None:
        """(H, W) uint8 numbers into colours (256, 4) uint8 RGBA, and where they lie.

        The numbers are not copied: they must not change without a new call.
        """
        self._rect = rect
        height, width = numbers.shape
        self._numbers = numbers  # QImage does not hold it
        made = QImage(numbers.data, width, height, width, QImage.Format.Format_Indexed8)
        made.setColorTable([qRgba(*colour) for colour in colours.tolist()])
        self._image = made

    def paint(self, painter: QPainter, view: View) -> None:
        if self._image is None or self.opacity <= 0:
            return
        view, outer = view.upright, view
        screen = QRectF(0, 0, view.width, view.height)
        place = QRectF(view.screen_rect_f(self._rect))
        if place.isEmpty() or not place.intersects(screen):
            return
        painter.save()
        turned(painter, outer)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth)
        painter.setOpacity(self.opacity)
        within = screen.adjusted(-64, -64, 64, 64)
        if self.clip is not None:
            within = within.intersected(view.screen_rect_f(self.clip))
        draw_part(painter, self._image, place, within)
        painter.restore()
