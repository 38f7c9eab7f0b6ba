"""Reads one tile into a QImage; runs in worker threads."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage

from ssmamba.slides.byte_lru import ByteLru
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from viewer.tiles.color_map import ColorMap
from viewer.tiles.pyramid import DisplayLevel, Pyramid, TileKey

TileCache = ByteLru[TileKey, QImage]


class GivenUp(Exception):
    """The tile is no longer wanted."""


def pixels(image: QImage) -> np.ndarray:
    """The memory of an RGB32 image as (H, W, 4) uint8 BGRA, without a copy."""
    rows = np.frombuffer(image.bits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 4].reshape(image.height(), image.width(), 4)


class TileReader:
    """Reads tiles from a slide; half-levels from the four tiles below, which are cached too."""

    def __init__(
        self, slide: Slide, pyramid: Pyramid, cache: TileCache, icc: SrgbTransform | None
    ) -> None:
        self._slide = slide
        self._pyramid = pyramid
        self._cache = cache
        self._icc = icc
        self.looks: dict[int, ColorMap] = {}  # by number; replaced as a whole by the GUI thread

    def read(
        self,
        key: TileKey,
        keep_going: Callable[[], bool],
        delay_s: float = 0.0,
        *,
        cold: bool = False,
    ) -> QImage:
        """Return the tile, from the cache or the file.

        Raises GivenUp between file reads once ``keep_going`` returns False, and SlideError.
        ``delay_s`` is added to each file read, so that tests can imitate a slow network drive.
        ``cold`` tiles must not displace those in view.
        """
        held = self._cache.get(key)
        if held is not None:
            return held
        if key.look:
            return self._recolored(key, keep_going, delay_s)
        level = self._pyramid.levels[key.level]
        if level.file_level is None:
            image = self._average(key, level, keep_going, delay_s)
        else:
            if not keep_going():
                raise GivenUp
            if delay_s:
                time.sleep(delay_s)
            image = self._from_file(key, level, level.file_level)
        pinned = key.level == self._pyramid.coarsest
        self._cache.put(key, image, image.sizeInBytes(), pinned=pinned, cold=cold)
        return image

    def _recolored(self, key: TileKey, keep_going: Callable[[], bool], delay_s: float) -> QImage:
        colors = self.looks.get(key.look)
        if colors is None:  # of the past
            raise GivenUp
        image = self.read(key._replace(look=0), keep_going, delay_s).copy()
        colors.apply_bgra_in_place(pixels(image))
        self._cache.put(key, image, image.sizeInBytes())
        return image

    def _from_file(self, key: TileKey, level: DisplayLevel, file_level: int) -> QImage:
        width, height = level.tile_size(key.column, key.row)
        image = QImage(width, height, QImage.Format.Format_RGB32)
        left, top = key.column * level.tile_width, key.row * level.tile_height
        buffer = pixels(image)  # RGB32 rows have no padding
        self._slide.read_level_into(buffer, left, top, file_level)
        if key.icc and self._icc is not None:
            self._icc.apply_bgra_in_place(buffer)
        return image

    def _average(
        self, key: TileKey, level: DisplayLevel, keep_going: Callable[[], bool], delay_s: float
    ) -> QImage:
        width, height = level.tile_size(key.column, key.row)
        double = QImage(2 * width, 2 * height, QImage.Format.Format_RGB32)
        target = pixels(double)
        for child in self._pyramid.children(key):
            part = pixels(self.read(child, keep_going, delay_s, cold=True))
            x = (child.column - 2 * key.column) * level.tile_width
            y = (child.row - 2 * key.row) * level.tile_height
            target[y : y + part.shape[0], x : x + part.shape[1]] = part
        self._repeat_odd_edge(target, key)
        return double.scaled(
            QSize(width, height),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )

    def _repeat_odd_edge(self, target: np.ndarray, key: TileKey) -> None:
        """A finer level of odd size lacks one column or row at the far edge; repeat the last."""
        finer = self._pyramid.levels[key.level - 1]
        have_w = finer.width - 2 * key.column * finer.tile_width
        have_h = finer.height - 2 * key.row * finer.tile_height
        if have_w < target.shape[1]:
            target[:, have_w:] = target[:, have_w - 1 : have_w]
        if have_h < target.shape[0]:
            target[have_h:] = target[have_h - 1 : have_h]
