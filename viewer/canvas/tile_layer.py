"""Paints the slide itself: sharp tiles where they are there, the best coarser ones meanwhile.

The layer keeps the last frame. Panning moves it and paints only what came into view; a tile that
arrives repaints only its own place; drawing and hovering cost one copy.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QRegion

from viewer.canvas.view import View
from viewer.tiles.pyramid import Pyramid, Rect, TileKey
from viewer.tiles.source import TileSource

GLASS = QColor(255, 255, 255)  # where the slide is, before its first tile
BAD = QColor(196, 43, 28, 90)
DEAREST_OVERVIEW = 1024  # file tiles; a costlier overview is made as the user goes
NEAREST_SCALE = 4.0  # from here on slide pixels are shown as squares


class TileLayer:
    """The frame of one canvas."""

    def __init__(self) -> None:
        self._frame = QImage()
        self._view: View | None = None
        self._source: TileSource | None = None
        self._icc = True
        self._dirty = QRegion()
        self.background = QColor("#e9eaec")
        self.missing: list[TileKey] = []  # visible tiles that are not there yet
        self.painted_any = False  # a real tile has been painted

    def set_source(self, source: TileSource | None) -> None:
        self._source = source
        self.missing = []
        self.painted_any = False
        self.invalidate()

    def set_icc(self, enabled: bool) -> None:
        self._icc = enabled
        self.invalidate()

    def set_background(self, color: QColor) -> None:
        self.background = color
        self.invalidate()

    def invalidate(self) -> None:
        """Paint the whole frame anew next time."""
        self._view = None

    def tile_arrived(self, key: TileKey) -> bool:
        """Note a new tile; True when it changes what is visible."""
        if self._view is None or self._source is None or self._source.pyramid is None:
            return self._source is not None
        place = self._view.screen_rect(self._source.pyramid.rect_of(key))
        place = place.intersected(QRect(0, 0, self._view.width, self._view.height))
        if place.isEmpty() or key.icc != self._icc:
            return False
        shown = self._source.pyramid.level_for(self._view.state.downsample)
        if key.level != shown and not self.missing:
            return False
        self._dirty += place
        return True

    def wishes(self, view: View) -> tuple[list[TileKey], list[TileKey]]:
        """Tiles that the view needs, and those that it will need next (level above, ring)."""
        pyramid = self._pyramid()
        if pyramid is None:
            return [], []
        level = pyramid.level_for(view.state.downsample)
        overview = pyramid.tiles_in(pyramid.coarsest, pyramid.full_rect, self._icc)
        cost = pyramid.file_cost(overview[0])
        visible = self._in_steps(pyramid, pyramid.tiles_in(level, view.rect, self._icc))
        above = pyramid.tiles_in(min(level + 1, pyramid.coarsest), view.rect, self._icc)
        ring = pyramid.tiles_in(level, self._grown(view, pyramid, level), self._icc)
        urgent = _unique([*overview, *visible] if cost == 1 else visible)
        later = _unique([*(overview if cost <= DEAREST_OVERVIEW else []), *above, *ring])
        taken = set(urgent)
        return urgent, [key for key in later if key not in taken]

    def _in_steps(self, pyramid: Pyramid, keys: list[TileKey]) -> list[TileKey]:
        """Half-levels that are missing come after their parts, which are worth seeing too."""
        assert self._source is not None
        held = self._source.cache
        steps = (pyramid.with_parts(key) if key not in held else (key,) for key in keys)
        return [part for parts in steps for part in parts]

    def paint(self, painter: QPainter, view: View) -> None:
        """Bring the frame up to date and paint it at the device's (0, 0)."""
        self._move_frame(view)
        pyramid = self._pyramid()
        waiting = set() if pyramid is None else self._note_arrivals(view, pyramid)
        if not self._dirty.isEmpty():
            self._paint_dirty(view, pyramid, waiting)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(0, 0, self._frame)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)

    def _note_arrivals(self, view: View, pyramid: Pyramid) -> set[TileKey]:
        """Repaint what has come since the last frame; return what has not.

        A tile may be there before its signal is. Those that come while this frame is painted
        wait for the next one, so that no place is half sharp and taken for done.
        """
        screen = QRect(0, 0, view.width, view.height)
        waiting = set()
        for key in self.missing:
            if self._is_final(key):
                self._dirty += view.screen_rect(pyramid.rect_of(key)).intersected(screen)
            else:
                waiting.add(key)
        return waiting

    def _is_final(self, key: TileKey) -> bool:
        source = self._source
        return source is not None and (key in source.cache or source.is_bad(key))

    def _pyramid(self) -> Pyramid | None:
        return None if self._source is None or self._source.info is None else self._source.pyramid

    def _grown(self, view: View, pyramid: Pyramid, level: int) -> Rect:
        lv = pyramid.levels[level]
        dx, dy = lv.tile_width * lv.downsample / 2, lv.tile_height * lv.downsample / 2
        left, top, right, bottom = view.rect
        return left - dx, top - dy, right + dx, bottom + dy

    def _move_frame(self, view: View) -> None:
        """Reuse what the last frame shows of this one; the rest becomes dirty."""
        size = QRect(0, 0, view.width, view.height)
        old = self._view
        self._view = view
        if old == view:
            return
        fits = old is not None and (old.width, old.height) == (view.width, view.height)
        if old is None or not fits or old.state.downsample != view.state.downsample:
            if self._frame.size() != size.size():
                self._frame = QImage(size.size(), QImage.Format.Format_RGB32)
            self._dirty = QRegion(size)
            return
        shift = QPoint(*view.origin) - QPoint(*old.origin)
        if shift.isNull():
            return
        self._frame = self._frame.copy(QRect(-shift, size.size()))
        self._dirty = self._dirty.translated(shift)
        self._dirty += QRegion(size) - QRegion(size.translated(shift))
        self._dirty &= QRegion(size)

    def _paint_dirty(self, view: View, pyramid: Pyramid | None, waiting: set[TileKey]) -> None:
        painter = QPainter(self._frame)
        painter.setClipRegion(self._dirty)
        painter.fillRect(self._dirty.boundingRect(), self.background)
        if pyramid is None or self._source is None:
            self.missing = []
        else:
            smooth = view.scale < NEAREST_SCALE
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            tiles = TilePainter(painter, view, self._source, pyramid, self._icc)
            tiles.paint(self._dirty, waiting)
            level = pyramid.level_for(view.state.downsample)
            visible = pyramid.tiles_in(level, view.rect, self._icc)
            self.missing = [k for k in visible if k in tiles.stand_ins or k in waiting]
            self.painted_any = self.painted_any or tiles.painted_any
        painter.end()
        self._dirty = QRegion()


class TilePainter:
    """Paints the tiles of a region of one frame, without antialiasing (it would show seams)."""

    def __init__(
        self, painter: QPainter, view: View, source: TileSource, pyramid: Pyramid, icc: bool
    ) -> None:
        self._painter = painter
        self._view = view
        self._source = source
        self._pyramid = pyramid
        self._icc = icc
        self.stand_ins: set[TileKey] = set()  # tiles for which something else was painted
        self.painted_any = False  # whether any tile was painted

    def paint(self, region: QRegion, waiting: set[TileKey]) -> None:
        """Paint a region; tiles in ``waiting`` count as missing even if they have just come."""
        level = self._pyramid.level_for(self._view.state.downsample)
        box = region.boundingRect()
        left, top = self._view.to_slide(box.left(), box.top())
        right, bottom = self._view.to_slide(box.right() + 1, box.bottom() + 1)
        for key in self._pyramid.tiles_in(level, (left, top, right, bottom), self._icc):
            place = self._view.screen_rect(self._pyramid.rect_of(key))
            if not region.intersects(place):
                continue
            image = None if key in waiting else self._source.tile(key)
            if image is not None:
                self._painter.drawImage(place, image)
                self.painted_any = True
            else:
                self._paint_meanwhile(key, place)

    def _paint_meanwhile(self, key: TileKey, place: QRect) -> None:
        """The best that is there: preview, coarser tiles, and finer ones on top."""
        self._painter.fillRect(place, GLASS)
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
        others = self._pyramid.tiles_in(level, _shrunk(rect), self._icc)
        complete = bool(others)
        for other in others:
            image = self._source.tile(other)
            if image is None:
                complete = False
                continue
            self._paint_part(image, self._pyramid.rect_of(other), place)
            self.painted_any = True
        return complete

    def _paint_preview(self, place: QRect) -> None:
        preview = self._source.preview
        if preview is not None:
            self._paint_part(preview, self._pyramid.full_rect, place)

    def _paint_part(self, image: QImage, rect: Rect, place: QRect) -> None:
        """Paint what an image that covers ``rect`` (level 0) shows of ``place`` (device)."""
        full = self._view.screen_rect(rect)
        target = full.intersected(place)
        if target.isEmpty():
            return
        sx, sy = image.width() / full.width(), image.height() / full.height()
        part = QRectF(
            (target.x() - full.x()) * sx,
            (target.y() - full.y()) * sy,
            target.width() * sx,
            target.height() * sy,
        )
        self._painter.drawImage(QRectF(target), image, part)


def _shrunk(rect: Rect) -> Rect:
    """Leave out tiles that touch the edge by rounding only."""
    left, top, right, bottom = rect
    dx, dy = (right - left) * 1e-3, (bottom - top) * 1e-3
    return left + dx, top + dy, right - dx, bottom - dy


def _unique(keys: list[TileKey]) -> list[TileKey]:
    return list(dict.fromkeys(keys))
