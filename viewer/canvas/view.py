"""Mapping from slide to screen and back: a scale, and a shift in whole device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF

from viewer.canvas.types import ViewState
from viewer.tiles.pyramid import Rect

NEAREST_DOWNSAMPLE = 1 / 64  # one slide pixel on 64 screen pixels
FARTHEST_SIDE_PX = 50  # the slide's longer side never gets smaller than this on the screen


@dataclass(frozen=True)
class View:
    """A view state on a screen of ``width`` × ``height`` device pixels.

    The shift is rounded to whole device pixels, so that 1:1 shows the slide's own pixels and
    panning moves every pixel alike; the state itself stays exact.
    """

    state: ViewState
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Device pixels per level-0 pixel."""
        return 1.0 / self.state.downsample

    @property
    def origin(self) -> tuple[int, int]:
        """Device pixel of the slide's (0, 0)."""
        return (
            math.floor(self.width / 2 - self.state.center_x * self.scale + 0.5),
            math.floor(self.height / 2 - self.state.center_y * self.scale + 0.5),
        )

    @property
    def rect(self) -> Rect:
        """The visible rectangle, level-0 pixels."""
        left, top = self.to_slide(0, 0)
        right, bottom = self.to_slide(self.width, self.height)
        return left, top, right, bottom

    def to_screen(self, x: float, y: float) -> QPointF:
        ox, oy = self.origin
        return QPointF(x * self.scale + ox, y * self.scale + oy)

    def to_slide(self, px: float, py: float) -> tuple[float, float]:
        ox, oy = self.origin
        return (px - ox) * self.state.downsample, (py - oy) * self.state.downsample

    def screen_rect(self, rect: Rect) -> QRect:
        """A level-0 rectangle in whole device pixels; neighbours share their edge exactly."""
        ox, oy = self.origin
        left, top, right, bottom = (math.floor(v * self.scale + 0.5) for v in rect)
        return QRect(left + ox, top + oy, right - left, bottom - top)

    def screen_rect_f(self, rect: Rect) -> QRectF:
        return QRectF(self.to_screen(rect[0], rect[1]), self.to_screen(rect[2], rect[3]))

    def zoomed(self, factor: float, px: float, py: float) -> ViewState:
        """The state after zooming by ``factor`` (> 1 nearer) about a device pixel."""
        downsample = self.state.downsample / factor
        # from the exact centre, not the rounded origin: many small steps must not drift
        dx, dy = px - self.width / 2, py - self.height / 2
        x = self.state.center_x + dx * (self.state.downsample - downsample)
        y = self.state.center_y + dy * (self.state.downsample - downsample)
        return ViewState(x, y, downsample)

    def panned(self, dx: float, dy: float) -> ViewState:
        """The state after panning by (dx, dy) device pixels."""
        d = self.state.downsample
        return ViewState(self.state.center_x - dx * d, self.state.center_y - dy * d, d)


def fitting(rect: Rect, width: int, height: int, margin: float) -> ViewState:
    """The state that shows a level-0 rectangle with a margin (share of its size a side)."""
    rect_width = max(rect[2] - rect[0], 1.0) * (1 + 2 * margin)
    rect_height = max(rect[3] - rect[1], 1.0) * (1 + 2 * margin)
    downsample = max(rect_width / max(width, 1), rect_height / max(height, 1))
    return ViewState((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, downsample)


def limited(state: ViewState, slide_width: int, slide_height: int) -> ViewState:
    """Limit the centre to the slide and the scale to a useful range.

    Depends only on the slide, not on the widget, so that linked canvases agree.
    """
    farthest = max(4.0, max(slide_width, slide_height) / FARTHEST_SIDE_PX)
    return ViewState(
        min(max(state.center_x, 0.0), float(slide_width)),
        min(max(state.center_y, 0.0), float(slide_height)),
        min(max(state.downsample, NEAREST_DOWNSAMPLE), farthest),
    )
