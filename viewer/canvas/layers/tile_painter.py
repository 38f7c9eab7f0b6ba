"""Paints the tiles of a part of one frame: sharp ones, or the best stand-ins available."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QRegion, QTransform

from viewer.canvas.view import View
from viewer.tiles.pyramid import Pyramid, Rect, TileKey
from viewer.tiles.source import TileSource

GLASS = QColor(255, 255, 255)  # the slide before its first tile
BAD = QColor(196, 43, 28, 90)  # an unreadable tile
OVERLAP_PX = 0.05  # of tiles in an oblique view, where Qt leaves single pixels between them


class TilePainter:
    """Paints without antialiasing, which would show seams.

    ``painter`` works in device pixels of the view's upright twin.
    """

    def __init__(
        self, painter: QPainter, view: View, source: TileSource, pyramid: Pyramid, icc: bool
    ) -> None:
        self._painter = painter
        self._outer = view  # on the screen
        self._view = view.upright
        self._overlap = OVERLAP_PX if view.is_oblique else 0.0
        self._source = source
        self._pyramid = pyramid
        self._icc = icc
        self.stand_ins: set[TileKey] = set()  # tiles for which something else was painted
        self.painted_any = False  # whether any tile was painted

    def paint(self, region: QRegion, waiting: set[TileKey]) -> None:
        """Paint a screen region; tiles in ``waiting`` count as missing even if loaded."""
        level = self._pyramid.level_for(self._view.state.downsample)
        around, look = self._outer.slide_rect(region.boundingRect()), self._source.look
        for key in self._pyramid.tiles_in(level, around, self._icc, look):
            rect = self._pyramid.rect_of(key)
            place = self._view.screen_rect(rect)
            if not region.intersects(self._outer.screen_rect(rect)):
                continue
            image = None if key in waiting else self._source.tile(key)
            if image is not None:
                # Not the rounded rectangle, which would shift the image by half a pixel: Qt
                # rounds only which pixels it covers, and neighbours share that edge.
                by = self._overlap
                full = self._view.screen_rect_f(rect).adjusted(-by, -by, by, by)
                self._painter.drawImage(full, image)
                self.painted_any = True
            else:
                self._paint_meanwhile(key, place)

    def _paint_meanwhile(self, key: TileKey, place: QRect) -> None:
        """Paint the best stand-ins: preview, coarser tiles, and finer ones on top."""
        self._painter.fillRect(place, GLASS)
        former = self._source.in_other_colors(key) if self._source.recolors else None
        if former is not None:
            self._painter.drawImage(self._view.screen_rect_f(self._pyramid.rect_of(key)), former)
            self.stand_ins.add(key)
            return
        if not self._paint_coarser(key, place):
            self._paint_preview(place)
        for level in range(max(0, key.level - 2), key.level):
            self._paint_level(level, key, place)
        if self._source.is_bad(key):
            self._painter.fillRect(place, QBrush(BAD, Qt.BrushStyle.BDiagPattern))
        else:
            self.stand_ins.add(key)

    def _paint_coarser(self, key: TileKey, place: QRect) -> bool:
        for level in range(key.level + 1, self._pyramid.coarsest + 1):
            if self._paint_level(level, key, place):
                return True
        return False

    def _paint_level(self, level: int, key: TileKey, place: QRect) -> bool:
        """Paint the held tiles of another level inside ``place``; True if they fill it."""
        rect = self._pyramid.rect_of(key)
        others = self._pyramid.tiles_in(level, _shrunk(rect), self._icc, key.look)
        complete = bool(others)
        for other in others:
            image = self._source.tile(other)
            if image is None:
                complete = False
                continue
            full = self._view.screen_rect_f(self._pyramid.rect_of(other))
            draw_part(self._painter, image, full, QRectF(place))
            self.painted_any = True
        return complete

    def _paint_preview(self, place: QRect) -> None:
        preview = self._source.preview
        if preview is not None:
            full = self._view.screen_rect_f(self._pyramid.full_rect)
            draw_part(self._painter, preview, full, QRectF(place))


def turned(painter: QPainter, view: View) -> View:
    """Turn a painter as a view is turned; returns the view in which to paint from then on."""
    if not view.is_turned:
        return view
    painter.setTransform(view.turn, True)
    return view.upright


def oriented(image: QImage, view: View) -> QImage:
    """A picture of a part of the slide as it stands on the screen, unless that is oblique.

    Painted by a painter that is turned by a quarter, it would take Qt three times as long.
    """
    if not view.is_turned or view.is_oblique:
        return image
    return image.transformed(QTransform().rotate(view.state.rotation))


def draw_part(painter: QPainter, image: QImage, full: QRectF, within: QRectF) -> None:
    """Draw an image on ``full``, clipped to ``within`` (both device pixels).

    A target much larger than the screen would overflow Qt's fixed-point raster.
    """
    target = full.intersected(within)
    if target.isEmpty():
        return
    sx, sy = image.width() / full.width(), image.height() / full.height()
    left, top = (target.x() - full.x()) * sx, (target.y() - full.y()) * sy
    painter.drawImage(target, image, QRectF(left, top, target.width() * sx, target.height() * sy))


def _shrunk(rect: Rect) -> Rect:
    """Leave out tiles that touch the edge by rounding only."""
    left, top, right, bottom = rect
    dx, dy = (right - left) * 1e-3, (bottom - top) * 1e-3
    return left + dx, top + dy, right - dx, bottom - dy
