"""Very many ROIs as a mosaic of painted squares, which panning moves and does not paint anew."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

from PySide6.QtGui import QImage, QPainter

from viewer.canvas.view import View

SIDE_PX = 256  # of a square, device pixels
BUDGET_S = 0.004  # of a frame, for squares that panning brings
CHANGE_S = 0.03  # of a frame, for squares whose content has changed
KEPT = 384  # squares, a quarter of a MB each: more than a screen of 4K has


class Crowd:
    """The squares of one canvas; all have one scale and one content."""

    def __init__(self) -> None:
        self.is_whole = True  # no square is left for the next frame
        self._content: Hashable = None
        self._scale: Hashable = None
        self._squares: OrderedDict[tuple[int, int], QImage] = OrderedDict()
        self._former: dict[tuple[int, int], QImage] = {}  # with other content, at this scale

    def paint(
        self,
        painter: QPainter,
        view: View,
        content: Hashable,
        draw: Callable[[QPainter, View], object],
    ) -> None:
        """Paint the squares that are in view; those that panning brings, and those whose content
        has changed, come within a few frames.

        content: all that a square depends on but its place and the scale; another one means other
        pictures. draw: paints what lies within a view of one square.
        """
        scale, start = (view.state.downsample, view.state.rotation), time.perf_counter()
        budget = BUDGET_S if self._squares and not self._former else CHANGE_S
        if scale != self._scale:
            if self._squares:
                budget = math.inf  # nothing could stand in: they would flicker while one zooms
            self._former = {}
            self._squares.clear()
        elif content != self._content:
            budget = CHANGE_S
            self._former.update(self._squares)
            self._squares.clear()
        self._scale, self._content = scale, content
        ox, oy = view.origin
        self.is_whole, made = True, 0
        for row in _numbers(-oy, view.height):
            for at in _numbers(-ox, view.width):
                if (at, row) not in self._squares:
                    if made and time.perf_counter() > start + budget:
                        self.is_whole = False
                        former = self._former.get((at, row))
                        if former is not None:
                            painter.drawImage(ox + at * SIDE_PX, oy + row * SIDE_PX, former)
                        continue
                    made += 1
                square = self._square(at, row, view, draw)
                painter.drawImage(ox + at * SIDE_PX, oy + row * SIDE_PX, square)
        if self.is_whole:
            self._former = {}

    def _square(
        self, at: int, row: int, view: View, draw: Callable[[QPainter, View], object]
    ) -> QImage:
        square = self._squares.pop((at, row), None)
        if square is None:
            square = QImage(SIDE_PX, SIDE_PX, QImage.Format.Format_ARGB32_Premultiplied)
            square.fill(0)
            x, y = view.along_slide((at + 0.5) * SIDE_PX, (row + 0.5) * SIDE_PX)
            painter = QPainter(square)
            state = replace(view.state, center_x=x, center_y=y)
            draw(painter, View(state, SIDE_PX, SIDE_PX))
            painter.end()
        self._squares[at, row] = square  # the newest use is last
        while len(self._squares) > KEPT:
            self._squares.popitem(last=False)
        return square


def _numbers(first_px: int, length_px: int) -> range:
    """The squares from a device pixel on, counted from the slide's corner."""
    return range(first_px // SIDE_PX, (first_px + length_px - 1) // SIDE_PX + 1)
