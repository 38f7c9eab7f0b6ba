"""Drawing tools: from mouse places to regions. No widget, so they are tested without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ssmamba.rois.roi import Kind, Point, Rings, Roi

CLOSE_PX = 9.0  # a click this near the first vertex closes a polygon, logical pixels
STEP_PX = 2.0  # a lasso keeps a place this far from the last one
SMALLEST_PX = 6.0  # regions narrower than this on the screen are slips of the hand


@dataclass(frozen=True)
class Slip:
    """Nothing was drawn, and why (one short sentence)."""

    hint: str


Outcome = Roi | Slip | None  # None: still drawing


@dataclass(frozen=True)
class Cursor:
    """Where the mouse is."""

    x: float  # level-0 pixels
    y: float
    px: float  # level-0 pixels per logical screen pixel
    square: bool = False  # Shift is held


class DrawTool(Protocol):
    """One drawing gesture at a time."""

    def press(self, at: Cursor) -> Outcome: ...

    def move(self, at: Cursor) -> None: ...

    def release(self, at: Cursor) -> Outcome: ...

    def finish(self, at: Cursor) -> Outcome:
        """Enter or a double click."""

    def undo_point(self) -> None: ...

    def cancel(self) -> None: ...

    @property
    def path(self) -> Sequence[Point]:
        """What has been drawn so far, level-0 pixels; empty when idle."""

    @property
    def closed(self) -> bool:
        """Whether the preview joins the last point to the first."""


class Lasso:
    """Hold the button and draw around the tissue."""

    closed = True
    hint = "Hold the mouse button and draw around the tissue."

    def __init__(self) -> None:
        self._points: list[Point] = []

    @property
    def path(self) -> Sequence[Point]:
        return self._points

    def press(self, at: Cursor) -> Outcome:
        self._points = [(at.x, at.y)]
        return None

    def move(self, at: Cursor) -> None:
        if self._points and _apart(self._points[-1], at) >= STEP_PX * at.px:
            self._points.append((at.x, at.y))

    def release(self, at: Cursor) -> Outcome:
        if not self._points:
            return None
        points, self._points = self._points, []
        return _region(points, "polygon", at.px, self.hint)

    def finish(self, at: Cursor) -> Outcome:
        return None

    def undo_point(self) -> None:
        """A freehand line has no single points to take back."""

    def cancel(self) -> None:
        self._points = []


class Polygon:
    """Click the corners; Enter, a double click or a click on the first corner closes."""

    hint = "Click at least three corners, then press Enter or double-click to close."

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._at: Point | None = None

    @property
    def path(self) -> Sequence[Point]:
        return [*self._points, self._at] if self._points and self._at else self._points

    @property
    def closed(self) -> bool:
        return len(self._points) > 1

    def press(self, at: Cursor) -> Outcome:
        if len(self._points) > 2 and _apart(self._points[0], at) <= CLOSE_PX * at.px:
            return self._close(at)
        # a double click repeats its first click; keep one corner of the two
        if not self._points or _apart(self._points[-1], at) > at.px:
            self._points.append((at.x, at.y))
        self._at = (at.x, at.y)
        return None

    def move(self, at: Cursor) -> None:
        self._at = (at.x, at.y)

    def release(self, at: Cursor) -> Outcome:
        return None

    def finish(self, at: Cursor) -> Outcome:
        return self._close(at) if self._points else None

    def undo_point(self) -> None:
        if self._points:
            self._points.pop()

    def cancel(self) -> None:
        self._points = []
        self._at = None

    def _close(self, at: Cursor) -> Outcome:
        points = self._points
        self.cancel()
        return _region(points, "polygon", at.px, self.hint, tolerance=0.0)


class Rectangle:
    """Drag from corner to corner; Shift makes a square."""

    closed = True
    hint = "Hold the mouse button and drag from one corner to the opposite one."

    def __init__(self) -> None:
        self._start: Point | None = None
        self._end: Point | None = None

    @property
    def path(self) -> Sequence[Point]:
        if self._start is None or self._end is None:
            return []
        return rectangle(self._start, self._end)

    def press(self, at: Cursor) -> Outcome:
        self._start = (at.x, at.y)
        self._end = None
        return None

    def move(self, at: Cursor) -> None:
        if self._start is not None:
            self._end = _squared(self._start, at) if at.square else (at.x, at.y)

    def release(self, at: Cursor) -> Outcome:
        if self._start is None:
            return None
        self.move(at)
        points = list(self.path)
        self.cancel()
        return _region(points, "rectangle", at.px, self.hint, tolerance=0.0)

    def finish(self, at: Cursor) -> Outcome:
        return None

    def undo_point(self) -> None:
        """A rectangle has no points of its own to take back."""

    def cancel(self) -> None:
        self._start = self._end = None


def rectangle(a: Point, b: Point) -> list[Point]:
    """The four corners between two opposite ones, clockwise from the top left."""
    x0, x1 = sorted((a[0], b[0]))
    y0, y1 = sorted((a[1], b[1]))
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _squared(start: Point, at: Cursor) -> Point:
    dx, dy = at.x - start[0], at.y - start[1]
    side = max(abs(dx), abs(dy))
    return start[0] + (side if dx >= 0 else -side), start[1] + (side if dy >= 0 else -side)


def _apart(point: Point, at: Cursor) -> float:
    return float(((point[0] - at.x) ** 2 + (point[1] - at.y) ** 2) ** 0.5)


def _region(
    points: Sequence[Point], kind: Kind, px: float, hint: str, tolerance: float = 0.4
) -> Outcome:
    """Make a valid region of a path, or say why not. ``tolerance`` is in screen pixels."""
    polygons: tuple[Rings, ...] = ()
    if len(points) >= 3:
        from ssmamba.rois.geometry import path_to_polygons

        polygons = path_to_polygons(points, tolerance * px)
    if not polygons:
        return Slip(f"That region is too small. {hint}")
    roi = Roi(_rounded(polygons), kind=kind)
    left, top, right, bottom = roi.bounds
    if min(right - left, bottom - top) < SMALLEST_PX * px:
        return Slip(f"That region is too small. {hint}")
    return roi


def _rounded(polygons: tuple[Rings, ...]) -> tuple[Rings, ...]:
    """Two decimals, as in QuPath's files: saving and loading must not change a region."""
    return tuple(
        tuple(tuple((round(x, 2), round(y, 2)) for x, y in ring) for ring in rings)
        for rings in polygons
    )
