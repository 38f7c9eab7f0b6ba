"""Drawing rectangles and squares."""

from __future__ import annotations

from ssmamba.rois.roi import Kind, Point
from viewer.canvas.tools.drawing import DrawingTool
from viewer.canvas.tools.tool import Cursor
from viewer.text.tr import tr


class Rectangle(DrawingTool):
    """Drag from corner to corner; Shift makes a square."""

    id = "rectangle"
    text = tr("Rectangle")
    icon = "rectangle"
    keys = "R"
    tip = tr("Draw a rectangular region")
    hint = tr("Hold the mouse button and drag from one corner to the opposite one.")
    kind: Kind = "rectangle"
    gestures = ((tr("Shift + drag"), tr("Draw a square with the rectangle tool")),)

    _start: Point | None = None

    def press(self, at: Cursor) -> bool:
        self._start = at.point
        return True

    def move(self, at: Cursor) -> None:
        """Four corners, clockwise from the top left."""
        if self._start is None:
            return
        end = at.point
        if at.shift:
            end = _square_corner(self._start, end)
        (x0, x1), (y0, y1) = (sorted(ends) for ends in zip(self._start, end, strict=True))
        self.path = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]

    def release(self, at: Cursor) -> None:
        if self._start is not None:
            self.move(at)
            self.finish(at, self.kind)

    def cancel(self) -> None:
        super().cancel()
        self._start = None


def _square_corner(start: Point, end: Point) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    side = max(abs(dx), abs(dy))
    return start[0] + (side if dx >= 0 else -side), start[1] + (side if dy >= 0 else -side)
