"""Mapping from slide to screen and back: a turn, a scale, a shift in whole device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QTransform

from ssmamba.rois.roi import Point
from viewer.canvas.types import ViewState
from viewer.tiles.pyramid import Rect

NEAREST_DOWNSAMPLE = 1 / 64  # one slide pixel on 64 screen pixels
FARTHEST_SIDE_PX = 50  # the slide's longer side never gets smaller than this on the screen
QUARTERS = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}


@dataclass(frozen=True)
class View:
    """A view state on a screen of ``width`` × ``height`` device pixels.

    The shift is rounded to whole device pixels, so that 1:1 shows the slide's own pixels and
    panning moves every pixel alike; the state itself stays exact. Everything that lies along the
    slide's own axes is painted in the ``upright`` view, by a painter with the transform ``turn``.
    """

    state: ViewState
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Device pixels per level-0 pixel."""
        return 1.0 / self.state.downsample

    @property
    def is_turned(self) -> bool:
        return self.state.rotation != 0.0

    @property
    def is_oblique(self) -> bool:
        """Whether the slide's axes are not those of the screen."""
        return self.state.rotation not in QUARTERS

    @property
    def direction(self) -> tuple[float, float]:
        """Where the slide's x axis points on the screen: cosine and sine of the rotation."""
        return _direction(self.state.rotation)

    @property
    def origin(self) -> tuple[int, int]:
        """Device pixel of the slide's (0, 0)."""
        x, y = self.along_screen(self.state.center_x, self.state.center_y)
        return math.floor(self.width / 2 - x + 0.5), math.floor(self.height / 2 - y + 0.5)

    @property
    def rect(self) -> Rect:
        """The level-0 rectangle around all that is visible."""
        return self.slide_rect(QRect(0, 0, self.width, self.height))

    @property
    def middle(self) -> QPointF:
        """Of the screen, device pixels."""
        return QPointF(self.width / 2, self.height / 2)

    @property
    def corners(self) -> list[Point]:
        """The corners of the screen from the top left clockwise, level-0 pixels."""
        w, h = self.width, self.height
        return [self.to_slide(x, y) for x, y in ((0, 0), (w, 0), (w, h), (0, h))]

    @property
    def upright(self) -> View:
        """The same view without rotation, so large that all of this one lies in it."""
        if not self.is_turned:
            return self
        cos, sin = (abs(part) for part in self.direction)
        width = math.ceil(self.width * cos + self.height * sin)
        height = math.ceil(self.width * sin + self.height * cos)
        return View(replace(self.state, rotation=0.0), width, height)

    @property
    def turn(self) -> QTransform:
        """From device pixels of the upright view to those of this one."""
        (cos, sin), (ox, oy), (ux, uy) = self.direction, self.origin, self.upright.origin
        return QTransform(
            cos, sin, -sin, cos, ox - (ux * cos - uy * sin), oy - (ux * sin + uy * cos)
        )

    def along_screen(self, dx: float, dy: float) -> tuple[float, float]:
        """A way on the slide, level-0 pixels, as one on the screen, device pixels."""
        cos, sin = self.direction
        return (dx * cos - dy * sin) * self.scale, (dx * sin + dy * cos) * self.scale

    def along_slide(self, dx: float, dy: float) -> tuple[float, float]:
        """A way on the screen, device pixels, as one on the slide, level-0 pixels."""
        (cos, sin), d = self.direction, self.state.downsample
        return (dx * cos + dy * sin) * d, (dy * cos - dx * sin) * d

    def to_screen(self, x: float, y: float) -> QPointF:
        (ox, oy), (dx, dy) = self.origin, self.along_screen(x, y)
        return QPointF(dx + ox, dy + oy)

    def on_screen(self, points: np.ndarray) -> np.ndarray:
        """Places (N, 2) on the slide as device pixels (N, 2)."""
        if self.is_turned:
            cos, sin = self.direction
            points = points @ np.array([[cos, sin], [-sin, cos]])
        return points * self.scale + self.origin

    def to_slide(self, px: float, py: float) -> tuple[float, float]:
        ox, oy = self.origin
        return self.along_slide(px - ox, py - oy)

    def slide_rect(self, rect: QRect) -> Rect:
        """The level-0 rectangle around one of device pixels."""
        left, top = rect.left(), rect.top()
        right, bottom = left + rect.width(), top + rect.height()
        if not self.is_turned:
            return *self.to_slide(left, top), *self.to_slide(right, bottom)
        ends = ((left, top), (right, top), (right, bottom), (left, bottom))
        x, y = zip(*(self.to_slide(*end) for end in ends), strict=True)
        return min(x), min(y), max(x), max(y)

    def screen_rect(self, rect: Rect) -> QRect:
        """A level-0 rectangle in whole device pixels; neighbours share their edge exactly.

        In an oblique view the rectangle around it, without shared edges.
        """
        if self.is_oblique:
            return self.screen_rect_f(rect).toAlignedRect()
        ox, oy = self.origin
        left, top, right, bottom = (math.floor(v * self.scale + 0.5) for v in rect)
        if self.is_turned:
            cos, sin = (int(part) for part in self.direction)
            (left, right), (top, bottom) = (
                sorted((left * cos - top * sin, right * cos - bottom * sin)),
                sorted((left * sin + top * cos, right * sin + bottom * cos)),
            )
        return QRect(left + ox, top + oy, right - left, bottom - top)

    def screen_rect_f(self, rect: Rect) -> QRectF:
        """A level-0 rectangle in device pixels, or the rectangle around it."""
        left, top, right, bottom = rect
        if not self.is_turned:
            return QRectF(self.to_screen(left, top), self.to_screen(right, bottom))
        ends = ((left, top), (right, top), (right, bottom), (left, bottom))
        x, y = zip(*(self.to_screen(*end).toTuple() for end in ends), strict=True)
        return QRectF(QPointF(min(x), min(y)), QPointF(max(x), max(y)))

    def zoomed(self, factor: float, px: float, py: float) -> ViewState:
        """The state after zooming by ``factor`` (> 1 nearer) about a device pixel."""
        return self._held(replace(self.state, downsample=self.state.downsample / factor), px, py)

    def panned(self, dx: float, dy: float) -> ViewState:
        """The state after panning by (dx, dy) device pixels."""
        x, y = self.along_slide(dx, dy)
        return replace(
            self.state, center_x=self.state.center_x - x, center_y=self.state.center_y - y
        )

    def turned(self, rotation: float, px: float, py: float) -> ViewState:
        """The state after turning to ``rotation`` about a device pixel."""
        return self._held(replace(self.state, rotation=rotation), px, py)

    def _held(self, state: ViewState, px: float, py: float) -> ViewState:
        """The state moved so that the place at a device pixel stays there.

        From the exact centre, not the rounded origin: many small steps must not drift.
        """
        dx, dy = px - self.width / 2, py - self.height / 2
        was = self.along_slide(dx, dy)
        now = replace(self, state=state).along_slide(dx, dy)
        x = self.state.center_x + was[0] - now[0]
        y = self.state.center_y + was[1] - now[1]
        return replace(state, center_x=x, center_y=y)


def fitting(rect: Rect, width: int, height: int, margin: float, rotation: float = 0.0) -> ViewState:
    """The state that shows a level-0 rectangle with a margin (share of its size a side)."""
    cos, sin = (abs(part) for part in _direction(rotation))
    rect_width = max(rect[2] - rect[0], 1.0) * (1 + 2 * margin)
    rect_height = max(rect[3] - rect[1], 1.0) * (1 + 2 * margin)
    downsample = max(
        (rect_width * cos + rect_height * sin) / max(width, 1),
        (rect_width * sin + rect_height * cos) / max(height, 1),
    )
    return ViewState((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, downsample, rotation)


def limited(state: ViewState, slide_width: int, slide_height: int) -> ViewState:
    """Limit the centre to the slide and the scale to a useful range.

    Depends only on the slide, not on the widget, so that linked canvases agree.
    """
    farthest = max(4.0, max(slide_width, slide_height) / FARTHEST_SIDE_PX)
    return ViewState(
        min(max(state.center_x, 0.0), float(slide_width)),
        min(max(state.center_y, 0.0), float(slide_height)),
        min(max(state.downsample, NEAREST_DOWNSAMPLE), farthest),
        state.rotation,
    )


@lru_cache(maxsize=64)
def _direction(rotation: float) -> tuple[float, float]:
    """Cosine and sine of degrees, exact for quarter turns."""
    turn = math.radians(rotation)
    return QUARTERS.get(rotation, (math.cos(turn), math.sin(turn)))
