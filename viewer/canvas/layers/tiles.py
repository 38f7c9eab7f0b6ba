"""Paints the slide itself: sharp tiles, and coarser stand-ins until those are loaded.

The layer caches the last frame. Panning moves it and paints only what came into view; a new tile
repaints only its own area; drawing and hovering cost one copy.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter, QRegion

from viewer.canvas.layers.tile_painter import TilePainter
from viewer.canvas.view import View
from viewer.tiles.pyramid import Pyramid, TileKey
from viewer.tiles.source import TileSource

DEAREST_OVERVIEW = 1024  # file tiles; a costlier overview is built from tiles as they are viewed
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
        self.missing: list[TileKey] = []  # visible tiles not loaded yet
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
        """Record a new tile; True if it changes the visible frame."""
        if self._view is None or self._source is None or self._source.pyramid is None:
            return self._source is not None
        place = self._view.screen_rect(self._source.pyramid.rect_of(key))
        place = place.intersected(QRect(0, 0, self._view.width, self._view.height))
        if place.isEmpty() or (key.icc, key.look) != (self._icc, self._source.look):
            return False
        shown = self._source.pyramid.level_for(self._view.state.downsample)
        if key.level != shown and not self.missing:
            return False
        self._dirty += place
        return True

    def needed(self, view: View) -> tuple[list[TileKey], list[TileKey]]:
        """Tiles that the view needs, and those it will need next (level above, ring)."""
        pyramid = self._pyramid()
        if pyramid is None:
            return [], []
        look = 0 if self._source is None else self._source.look
        level = pyramid.level_for(view.state.downsample)
        overview = pyramid.tiles_in(pyramid.coarsest, pyramid.full_rect, self._icc, look)
        cost = pyramid.file_cost(overview[0])
        visible = self._in_steps(pyramid, self._seen(view, pyramid, level))
        above = self._seen(view, pyramid, min(level + 1, pyramid.coarsest))
        ring = self._seen(view, pyramid, level, ring=0.5)
        urgent = _unique([*overview, *visible] if cost == 1 else visible)
        later = _unique([*(overview if cost <= DEAREST_OVERVIEW else []), *above, *ring])
        taken = set(urgent)
        return urgent, [key for key in later if key not in taken]

    def _in_steps(self, pyramid: Pyramid, keys: list[TileKey]) -> list[TileKey]:
        """Put missing half-level tiles after their parts, which can be shown first."""
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
        """Mark tiles loaded since the last frame for repainting; return those still missing.

        A tile may be loaded before its signal arrives. Tiles loaded while this frame is painted
        wait for the next one, so that no area is half sharp and taken as final.
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

    def _seen(self, view: View, pyramid: Pyramid, level: int, ring: float = 0.0) -> list[TileKey]:
        """The tiles of a level in view, and those of a ring around it, in tiles."""
        lv, look = pyramid.levels[level], 0 if self._source is None else self._source.look
        dx, dy = lv.tile_width * lv.downsample * ring, lv.tile_height * lv.downsample * ring
        left, top, right, bottom = view.rect
        around = left - dx, top - dy, right + dx, bottom + dy
        keys = pyramid.tiles_in(level, around, self._icc, look)
        if not view.is_oblique:
            return keys
        more = math.ceil(max(dx, dy) * view.scale)  # the corners of the rectangle are not in view
        screen = QRect(0, 0, view.width, view.height).adjusted(-more, -more, more, more)
        return [key for key in keys if screen.intersects(view.screen_rect(pyramid.rect_of(key)))]

    def _move_frame(self, view: View) -> None:
        """Reuse the part of the last frame that is still visible; the rest becomes dirty."""
        size = QRect(0, 0, view.width, view.height)
        old = self._view
        self._view = view
        if old == view:
            return
        fits = old is not None and (old.width, old.height) == (view.width, view.height)
        if old is None or not fits or _looks_otherwise(old, view):
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
        try:
            painter.setClipRegion(self._dirty)
            painter.fillRect(self._dirty.boundingRect(), self.background)
            self.missing = []
            if pyramid is not None and view.is_turned and not view.is_oblique:
                self._paint_quarter(painter, view, pyramid, waiting)
            elif pyramid is not None:
                painter.setTransform(view.turn)
                self._paint_tiles(painter, view, pyramid, waiting)
        finally:
            painter.end()  # Qt crashes on an image that is destroyed while it is painted
        self._dirty = QRegion()

    def _paint_quarter(
        self, painter: QPainter, view: View, pyramid: Pyramid, waiting: set[TileKey]
    ) -> None:
        """Paint upright, then turn the pixels: as sharp as ever, and four times as fast."""
        turn = view.turn
        back, _ = turn.inverted()
        box = back.mapRect(self._dirty.boundingRect())
        part = QImage(box.size(), QImage.Format.Format_RGB32)
        upright = QPainter(part)
        try:
            upright.translate(-box.topLeft())
            upright.setClipRegion(back.map(self._dirty))
            upright.fillRect(box, self.background)
            self._paint_tiles(upright, view, pyramid, waiting)
        finally:
            upright.end()
        painter.setTransform(turn)
        painter.drawImage(box.topLeft(), part)

    def _paint_tiles(
        self, painter: QPainter, view: View, pyramid: Pyramid, waiting: set[TileKey]
    ) -> None:
        assert self._source is not None
        smooth = view.scale < NEAREST_SCALE
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        tiles = TilePainter(painter, view, self._source, pyramid, self._icc)
        tiles.paint(self._dirty, waiting)
        level = pyramid.level_for(view.state.downsample)
        visible = self._seen(view, pyramid, level)
        self.missing = [k for k in visible if k in tiles.stand_ins or k in waiting]
        self.painted_any = self.painted_any or tiles.painted_any


def _looks_otherwise(old: View, new: View) -> bool:
    """Whether a view shows other pixels, not the same ones elsewhere."""
    a, b = old.state, new.state
    return (a.downsample, a.rotation) != (b.downsample, b.rotation)


def _unique(keys: list[TileKey]) -> list[TileKey]:
    return list(dict.fromkeys(keys))
