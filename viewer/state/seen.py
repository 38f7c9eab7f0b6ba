"""Which parts of a slide were seen, and how near; no Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

CELLS = 512  # along the longer side of a slide
ONE_TO_ONE = 16  # the step at which a slide pixel fills a screen pixel; each more is twice as near
NEAREST = 22
SLACK = 0.05  # factors of two by which a scale may miss its step
Quad = Sequence[tuple[float, float]]  # corners (x, y), level-0 pixels, in order


@dataclass(frozen=True, eq=False)
class Seen:
    """A grid over a slide; each value says how near a cell was seen as a whole."""

    width: int  # of the slide, level-0 pixels
    height: int
    steps: np.ndarray  # (rows, columns) uint8: 0 = never, else ONE_TO_ONE - log2(downsample)

    @staticmethod
    def nothing(width: int, height: int) -> Seen:
        cell = cell_of(width, height)
        return Seen(width, height, np.zeros((-(-height // cell), -(-width // cell)), np.uint8))

    @property
    def cell(self) -> int:
        """Side of a cell, level-0 pixels."""
        return cell_of(self.width, self.height)

    @property
    def is_any(self) -> bool:
        return bool(self.steps.any())

    def with_view(self, quads: Sequence[Quad], downsample: float) -> Seen:
        """What is in all of the quads was seen at ``downsample`` level-0 pixels a screen pixel.

        A cell at the slide's edge counts when what it has of the slide is in them.
        """
        step = step_of(downsample)
        rows, columns = self._around(quads)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return self
        xs = np.minimum(np.arange(columns.start, columns.stop + 1) * self.cell, self.width)
        ys = np.minimum(np.arange(rows.start, rows.stop + 1) * self.cell, self.height)
        inside = np.ones((len(ys), len(xs)), bool)
        for quad in quads:
            inside &= _within(quad, xs, ys)
        whole = inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:] & inside[1:, 1:]
        new = whole & (self.steps[rows, columns] < step)
        if not new.any():
            return self
        steps = self.steps.copy()
        steps[rows, columns][new] = step
        return replace(self, steps=steps)

    def _around(self, quads: Sequence[Quad]) -> tuple[slice, slice]:
        """Rows and columns outside of which nothing is in all of the quads."""
        corners = np.array(quads, float)  # (quads, corners, 2)
        low = corners.min(axis=1).max(axis=0) // self.cell
        high = corners.max(axis=1).min(axis=0) // self.cell + 1
        left, top = np.maximum(low, 0).astype(int).tolist()
        right, bottom = np.minimum(high, self.steps.shape[::-1]).astype(int).tolist()
        return slice(top, bottom), slice(left, right)

    def joined(self, other: Seen) -> Seen:
        """What either has, on one grid (``fits``)."""
        new = other.steps > self.steps
        return self if not new.any() else replace(self, steps=np.maximum(self.steps, other.steps))

    def fits(self, other: Seen) -> bool:
        """Whether both are about one slide."""
        return (self.width, self.height) == (other.width, other.height)

    def at(self, x: float, y: float) -> float | None:
        """Level-0 pixels a screen pixel at which a place was seen; None = never."""
        column, row = math.floor(x / self.cell), math.floor(y / self.cell)
        if not (0 <= row < self.steps.shape[0] and 0 <= column < self.steps.shape[1]):
            return None
        step = int(self.steps[row, column])
        return downsample_of(step) if step else None


def cell_of(width: int, height: int) -> int:
    return max(1, -(-max(width, height) // CELLS))


def step_of(downsample: float) -> int:
    """The step that a scale reaches, never a nearer one."""
    return min(max(1, ONE_TO_ONE - math.ceil(math.log2(downsample) - SLACK)), NEAREST)


def downsample_of(step: int) -> float:
    return 2.0 ** (ONE_TO_ONE - step)


def _within(quad: Quad, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Whether each place of a grid is in a convex quad, (len(ys), len(xs))."""
    inside = np.ones((len(ys), len(xs)), bool)
    around = 0.0  # twice the area, with the sign of the direction of its corners
    for (x0, y0), (x1, y1) in zip(quad, [*quad[1:], quad[0]], strict=True):
        around += x0 * y1 - x1 * y0
    turn = math.copysign(1.0, around)
    for (x0, y0), (x1, y1) in zip(quad, [*quad[1:], quad[0]], strict=True):
        left = (x1 - x0) * (ys[:, None] - y0) - (y1 - y0) * (xs[None, :] - x0)
        inside &= left * turn >= -1e-6 * abs(around)
    return inside
