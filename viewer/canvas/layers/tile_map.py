"""Paints a map of tiles over the slide, each tile in one colour."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, qRgba

from viewer.canvas.layers.tile_painter import draw_part, oriented, turned
from viewer.canvas.view import View
from viewer.tiles.pyramid import Rect


class TileMapLayer:
    """One image with a few pixels a tile, drawn without smoothing unless asked to."""

    def __init__(self) -> None:
        self._image: QImage | None = None
        self._oriented: tuple[float, QImage] | None = None  # the same for a rotation of the view
        self._numbers: np.ndarray | None = None
        self._rect: Rect = (0.0, 0.0, 0.0, 0.0)
        self.opacity = 1.0
        self.smooth = False
        self.clip: Rect | None = None  # nothing is painted off it, level-0 pixels

    def set_picture(self, rgba: np.ndarray | None, rect: Rect) -> None:
        """(H, W, 4) uint8, and where it lies (left, top, right, bottom), level-0 pixels; None
        removes it.
        """
        self._rect, self._oriented = rect, None
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
        self._rect, self._oriented = rect, None
        height, width = numbers.shape
        self._numbers = numbers  # QImage does not hold it
        made = QImage(numbers.data, width, height, width, QImage.Format.Format_Indexed8)
        made.setColorTable([qRgba(*colour) for colour in colours.tolist()])
        self._image = made

    def paint(self, painter: QPainter, view: View) -> None:
        if self._image is None or self.opacity <= 0:
            return
        if self._oriented is None or self._oriented[0] != view.state.rotation:
            self._oriented = view.state.rotation, oriented(self._image, view)
        painter.save()
        if view.is_oblique:
            view = turned(painter, view)
        screen = QRectF(0, 0, view.width, view.height)
        place = view.screen_rect_f(self._rect)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth)
        painter.setOpacity(self.opacity)
        within = screen.adjusted(-64, -64, 64, 64)
        if self.clip is not None:
            within = within.intersected(view.screen_rect_f(self.clip))
        draw_part(painter, self._oriented[1], place, within)
        painter.restore()
