"""Very many ROIs as a mosaic of painted squares, which panning moves and does not paint anew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from PySide6.QtGui import QImage, QPainter

from viewer.canvas.types import ViewState
from viewer.canvas.view import View

SIDE_PX = 512  # of a square, device pixels
KEPT = 96  # squares, 1 MB each: more than a screen of 4K has


class Crowd:
    """The squares of one canvas; all have one scale and one content."""

    def __init__(self) -> None:
        self._content: Hashable = None
        self._squares: OrderedDict[tuple[int, int], QImage] = OrderedDict()

    def paint(
        self,
        painter: QPainter,
        view: View,
        content: Hashable,
        draw: Callable[[QPainter, View], object],
    ) -> None:
        """Paint the squares that are in view.

        content: all that a square depends on but its place and the scale; another one means other
        pictures. draw: paints what lies within a view of one square.
        """
        now = (content, view.state.downsample)
        if now != self._content:
            self._content = now
            self._squares.clear()
        ox, oy = view.origin
        for row in _numbers(-oy, view.height):
            for at in _numbers(-ox, view.width):
                square = self._square(at, row, view.state.downsample, draw)
                painter.drawImage(ox + at * SIDE_PX, oy + row * SIDE_PX, square)

    def _square(
        self, at: int, row: int, downsample: float, draw: Callable[[QPainter, View], object]
    ) -> QImage:
        square = self._squares.pop((at, row), None)
        if square is None:
            square = QImage(SIDE_PX, SIDE_PX, QImage.Format.Format_ARGB32_Premultiplied)
            square.fill(0)
            center = ((at + 0.5) * SIDE_PX * downsample, (row + 0.5) * SIDE_PX * downsample)
            painter = QPainter(square)
            draw(painter, View(ViewState(*center, downsample), SIDE_PX, SIDE_PX))
            painter.end()
        self._squares[at, row] = square  # the newest use is last
        while len(self._squares) > KEPT:
            self._squares.popitem(last=False)
        return square


def _numbers(first_px: int, length_px: int) -> range:
    """The squares from a device pixel on, counted from the slide's corner."""
    return range(first_px // SIDE_PX, (first_px + length_px - 1) // SIDE_PX + 1)
