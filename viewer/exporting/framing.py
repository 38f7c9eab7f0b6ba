"""What the picture of a region shows: a rectangle around it, turned as the slide is in the view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmamba.rois.roi import Roi
from viewer.canvas.types import ViewState
from viewer.canvas.view import View
from viewer.tiles.pyramid import Rect

MARGIN = 0.08  # of the region's longer side, on each side
LONGEST_ASPECT = 2.5  # a strip gets surroundings until it is no longer than this
POINT_SIDE_PX = 400.0  # level-0 px shown around a point


@dataclass(frozen=True)
class Frame:
    """A rectangle of the slide whose sides are those of a picture."""

    x: float  # its middle, level-0 px
    y: float
    width: float  # along the picture's sides, level-0 px
    height: float
    rotation: float = 0.0  # of the slide in the picture, degrees clockwise

    def view(self, width_px: int, height_px: int) -> View:
        """The slide in a picture of so many pixels."""
        state = ViewState(self.x, self.y, self.width / width_px, self.rotation)
        return View(state, width_px, height_px)

    def fitted(self, width: float, height: float) -> tuple[float, float]:
        """(width, height) of the picture inside a box, in the box's unit."""
        scale = min(width / self.width, height / self.height)
        return self.width * scale, self.height * scale

    @property
    def rect(self) -> Rect:
        """The level-0 rectangle around it."""
        half = np.array([self.width, self.height]) / 2
        ends = _turned(np.array([half, half * (1, -1)]), -self.rotation)
        dx, dy = np.abs(ends).max(axis=0).tolist()
        return self.x - dx, self.y - dy, self.x + dx, self.y + dy


def frame_around(roi: Roi, width: int, height: int, rotation: float = 0.0) -> Frame:
    """The frame that shows a region with a margin.

    width, height: of the slide, beyond which there is nothing to show unless the region is there.
    """
    outline = [np.asarray(ring, float).reshape(-1, 2) for part in roi.polygons for ring in part]
    seen = _turned(np.concatenate(outline), rotation)
    (left, top), (right, bottom) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
    if right - left < 1 and bottom - top < 1:
        half_w = half_h = POINT_SIDE_PX / 2
    else:
        margin = MARGIN * max(right - left, bottom - top)
        half_w, half_h = (right - left) / 2 + margin, (bottom - top) / 2 + margin
        half_w, half_h = (
            max(half_w, half_h / LONGEST_ASPECT),
            max(half_h, half_w / LONGEST_ASPECT),
        )
    slide = _turned(np.array([(0, 0), (width, 0), (0, height), (width, height)]), rotation)
    (first_x, first_y), (last_x, last_y) = slide.min(axis=0).tolist(), slide.max(axis=0).tolist()
    x0, x1 = _within((left + right) / 2, half_w, (left, right), (first_x, last_x))
    y0, y1 = _within((top + bottom) / 2, half_h, (top, bottom), (first_y, last_y))
    ((x, y),) = _turned(np.array([((x0 + x1) / 2, (y0 + y1) / 2)]), -rotation).tolist()
    return Frame(x, y, x1 - x0, y1 - y0, rotation)


def _turned(places: np.ndarray, degrees: float) -> np.ndarray:
    """Places (N, 2) turned clockwise about the slide's corner."""
    return View(ViewState(0.0, 0.0, 1.0, degrees % 360.0), 0, 0).on_screen(places)


def _within(
    center: float, half: float, region: tuple[float, float], slide: tuple[float, float]
) -> tuple[float, float]:
    """The interval around a centre, moved and cut to the slide, but never into the region."""
    start, end = center - half, center + half
    shift = max(0.0, slide[0] - start) - max(0.0, end - slide[1])
    if 2 * half <= slide[1] - slide[0]:
        start, end = start + shift, end + shift
    else:
        start, end = max(start, slide[0]), min(end, slide[1])
    return min(start, region[0]), max(end, region[1])
