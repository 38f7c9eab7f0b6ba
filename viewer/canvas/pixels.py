"""The pixels of the slide as shown, for tools that need them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from viewer.canvas.scene import Scene
from viewer.tiles.picture import picture, tiles_under
from viewer.tiles.pyramid import DisplayLevel, Rect
from viewer.tiles.reader import pixels
from viewer.tiles.source import TileSource

MAX_PIXELS = 4096 * 4096  # of one area; all its tiles must fit into the tile cache at once


@dataclass(frozen=True, eq=False)
class Pixels:
    """An area of the slide at one level of its pyramid."""

    rgb: np.ndarray  # (H, W, 3) uint8, in the colours of the view; (0, 0, 3) off the slide
    x: float  # left edge, level-0 pixels
    y: float  # top edge, level-0 pixels
    downsample: float  # level-0 pixels per pixel


@dataclass(frozen=True, eq=False)
class _Request:
    level: int
    area: QRect  # pixels of the level
    icc: bool
    then: Callable[[Pixels], None]


class PixelReader:
    """Reads areas from the tiles in memory, or waits until the slide's workers have read them."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._client = object()  # of the tile source
        self._waiting: list[_Request] = []

    def read(self, rect: Rect, then: Callable[[Pixels], None]) -> None:
        """Call ``then`` with a rectangle at the level that is shown now, or a coarser one.

        ``rect``: level-0 pixels; it grows to whole pixels of the level and is cut at the slide's
        edge. ``then`` is called at once when all tiles are in memory, else later on the GUI thread;
        never, when there is no slide, or after ``cancel``. Parts of the file that cannot be read
        are white. A level has at most MAX_PIXELS there; raises ValueError where none is so small.
        """
        source = self._scene.source
        if source is None or source.pyramid is None:
            return
        index = source.pyramid.level_for(self._scene.camera.state.downsample)
        levels = source.pyramid.levels
        area = _on_level(rect, levels[index])
        while area.width() * area.height() > MAX_PIXELS and index < source.pyramid.coarsest:
            index += 1
            area = _on_level(rect, levels[index])
        if area.isEmpty():
            then(Pixels(np.zeros((0, 0, 3), np.uint8), *rect[:2], levels[index].downsample))
            return
        if area.width() * area.height() > MAX_PIXELS:
            raise ValueError(
                f"an area of {area.width()} × {area.height()} pixels is too large to read at once; "
                "ask for a smaller one"
            )
        self._waiting.append(_Request(index, area, self._scene.icc, then))
        self.answer()

    def answer(self) -> None:
        """Answer complete requests and have the rest read; called for each new tile."""
        source = self._scene.source
        if source is None or not self._waiting:
            return
        for request in tuple(self._waiting):
            image = picture(source, request.level, request.area, request.icc)
            if image is not None and request in self._waiting:  # else cancelled meanwhile
                self._waiting.remove(request)
                request.then(_as_pixels(source, request, image))
        keys = (tiles_under(source, r.level, r.area, r.icc) for r in self._waiting)
        source.want(self._client, [key for some in keys for key in some])

    def cancel(self) -> None:
        """Drop all pending requests."""
        if self._waiting and self._scene.source is not None:
            self._scene.source.want(self._client, ())
        self._waiting.clear()


def _on_level(rect: Rect, level: DisplayLevel) -> QRect:
    """A level-0 rectangle in whole pixels of a level, cut at its edge."""
    left, top = (math.floor(v / level.downsample) for v in rect[:2])
    right, bottom = (math.ceil(v / level.downsample) for v in rect[2:])
    area = QRect(left, top, right - left, bottom - top)
    return area & QRect(0, 0, level.width, level.height)


def _as_pixels(source: TileSource, request: _Request, image: QImage) -> Pixels:
    assert source.pyramid is not None
    downsample = source.pyramid.levels[request.level].downsample
    x, y = request.area.x() * downsample, request.area.y() * downsample
    return Pixels(pixels(image)[..., 2::-1].copy(), x, y, downsample)
