"""Numbers that compare evidence maps: raw values at a place, shares inside an area, rank
correlation, differences. NumPy only (and shapely for areas), so the viewer can use it.

Maps of different models have windows and cells of their own, so they are compared at the same
places of the slide: the centres of a regular grid (``Lattice``). Between cells a map is bilinear,
as it is painted; where windows overlap it is their mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssmamba.explain.stitch import map_values
from ssmamba.reading.values import CamMap

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

LONGEST, SHORTEST = 2048, 128  # places along the longer side of a lattice for shares
RANKED = 256  # places along the longer side for rank correlations
PAINTED = 1024  # and for a picture of a difference
SMOOTHING = 4  # places for each cell of a painted difference, as in ``stitch``
LEAST_RANKED = 3  # places; fewer have no correlation


@dataclass(frozen=True)
class Lattice:
    """A grid of places; each stands for a square of the slide around it."""

    x: float  # left edge of the first square, level-0 pixels
    y: float  # top edge
    step: float  # side of a square, level-0 pixels
    rows: int
    columns: int

    @property
    def xs(self) -> np.ndarray:
        """Centres from left to right, (columns,) float64, level-0 pixels."""
        return self.x + (np.arange(self.columns) + 0.5) * self.step

    @property
    def ys(self) -> np.ndarray:
        """Centres from top to bottom, (rows,) float64, level-0 pixels."""
        return self.y + (np.arange(self.rows) + 0.5) * self.step

    def inside(self, area: BaseGeometry) -> np.ndarray:
        """Places whose centre lies in an area (level-0 pixels), (rows, columns) bool."""
        from ssmamba.rois.raster import covered  # shapely loads slowly

        return covered(area, self.step, (self.rows, self.columns), self.x, self.y)


@dataclass(frozen=True)
class Share:
    """How much of a map's evidence lies in an area."""

    energy: float  # share of the positive values inside, 0..1; 0 when nothing is positive
    area: float  # share of what the model read that is inside, 0..1: what a flat map would have


class Places:
    """Reads the raw values of a map at places of the slide, quickly for thousands of windows."""

    def __init__(self, maps: Sequence[CamMap]) -> None:
        self._maps = tuple(maps)
        windows = [(m.window.x, m.window.y, m.window.side) for m in self._maps]
        self._windows = np.array(windows, np.float64).reshape(-1, 3)

    def value(self, x: float, y: float) -> float:
        """The raw value of the cell at a place (level-0 px); the mean where windows overlap.

        NaN where no window is.
        """
        left, top, side = self._windows.T
        here = (left <= x) & (x < left + side) & (top <= y) & (y < top + side)
        found = [_cell(self._maps[at], x, y) for at in np.flatnonzero(here).tolist()]
        return sum(found) / len(found) if found else math.nan


def value_at(maps: Sequence[CamMap], x: float, y: float) -> float:
    """``Places.value`` of maps that are asked once."""
    return Places(maps).value(x, y)


def sample(maps: Sequence[CamMap], lattice: Lattice) -> np.ndarray:
    """The map at each place of a lattice, (rows, columns) float64; NaN where no window is."""
    xs, ys = lattice.xs, lattice.ys
    total = np.zeros((lattice.rows, lattice.columns))
    weight = np.zeros((lattice.rows, lattice.columns))
    for cam in maps:
        window, (rows, columns) = cam.window, cam.cells or cam.shape
        x0, x1 = np.searchsorted(xs, (window.x, window.x + window.side))
        y0, y1 = np.searchsorted(ys, (window.y, window.y + window.side))
        across = _weights((xs[x0:x1] - window.x) / window.side * columns, cam.shape[1])
        down = _weights((ys[y0:y1] - window.y) / window.side * rows, cam.shape[0])
        total[y0:y1, x0:x1] += down @ map_values(cam).astype(np.float64) @ across.T
        weight[y0:y1, x0:x1] += 1.0
    return np.where(weight > 0, total / np.maximum(weight, 1.0), np.nan)


def measuring_lattice(maps: Sequence[CamMap]) -> Lattice:
    """The slide's own pixels over all windows; coarser for a large region, finer for a tiny one.

    Raises ValueError without maps.
    """
    x, y, width, height = _frame(maps)
    longest = max(width, height)
    step = max(1.0, longest / LONGEST) / math.ceil(SHORTEST / max(longest, 1.0))
    return _lattice(x, y, width, height, step)


def share_inside(values: np.ndarray, inside: np.ndarray) -> Share:
    """The energy of a sampled map in an area: ``sample``'s values (R, C) and a mask (R, C) bool.

    The energy-based pointing game (Wang et al. 2020): the positive values inside by all of them,
    as ``training.metrics.localisation`` has it.
    """
    known = np.isfinite(values)
    positive = np.where(known, np.maximum(np.where(known, values, 0.0), 0.0), 0.0)
    total, read = float(positive.sum()), int(known.sum())
    energy = float(positive[inside].sum()) / total if total > 0 else 0.0
    return Share(energy, int((known & inside).sum()) / read if read else 0.0)


def energy_inside(maps: Sequence[CamMap], area: BaseGeometry) -> Share:
    """The share of a map's evidence in an area (level-0 pixels). Raises ValueError without maps."""
    lattice = measuring_lattice(maps)
    return share_inside(sample(maps, lattice), lattice.inside(area))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of (N,) values from 1, float64; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[place]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's rho of two (N,) arrays, ties by mean ranks; None where it is not defined.

    It is not for fewer than three values, or where all values of one array are equal.
    """
    if len(a) < LEAST_RANKED:
        return None
    first, second = (r - r.mean() for r in (ranks(a), ranks(b)))
    spread = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / spread if spread > 0 else None


def rank_agreement(
    a: Sequence[CamMap], b: Sequence[CamMap], area: BaseGeometry | None = None
) -> float | None:
    """Spearman's rho of two maps over the places that both have, in an area if one is given.

    The places are the cells of the finer map, at most RANKED along the longer side.
    """
    lattice = _common(a, b, 1, RANKED)
    if lattice is None:
        return None
    first, second = sample(a, lattice), sample(b, lattice)
    both = np.isfinite(first) & np.isfinite(second)
    if area is not None:
        both &= lattice.inside(area)
    return rank_correlation(first[both], second[both])


def difference(
    a: Sequence[CamMap], b: Sequence[CamMap], scale_a: float = 1.0, scale_b: float = 1.0
) -> tuple[np.ndarray, Lattice] | None:
    """a / scale_a − b / scale_b, (rows, columns) float64, NaN where one has nothing; its places.

    None where the maps have no place in common.
    """
    lattice = _common(a, b, SMOOTHING, PAINTED)
    if lattice is None:
        return None
    return sample(a, lattice) / scale_a - sample(b, lattice) / scale_b, lattice


def _cell(cam: CamMap, x: float, y: float) -> float:
    rows, columns = cam.cells or cam.shape
    down = int((y - cam.window.y) / cam.window.side * rows)
    across = int((x - cam.window.x) / cam.window.side * columns)
    return float(map_values(cam)[min(down, cam.shape[0] - 1), min(across, cam.shape[1] - 1)])


def _common(a: Sequence[CamMap], b: Sequence[CamMap], per_cell: int, most: int) -> Lattice | None:
    """A lattice over what the windows of both span, with a number of places for each fine cell."""
    if not a or not b:
        return None
    frames = _frame(a), _frame(b)
    x, y = (max(f[i] for f in frames) for i in (0, 1))
    right, bottom = (min(f[i] + f[i + 2] for f in frames) for i in (0, 1))
    if right <= x or bottom <= y:
        return None
    step = min(_cell_px(a), _cell_px(b)) / per_cell
    return _lattice(x, y, right - x, bottom - y, max(step, max(right - x, bottom - y) / most))


def _cell_px(maps: Sequence[CamMap]) -> float:
    """Side of the smallest cell, level-0 pixels."""
    return min(m.window.side / max(m.cells or m.shape) for m in maps)


def _frame(maps: Sequence[CamMap]) -> tuple[float, float, float, float]:
    """x, y, width, height over all windows, level-0 pixels."""
    if not maps:
        raise ValueError("there are no maps to compare")
    left, top = min(m.window.x for m in maps), min(m.window.y for m in maps)
    right = max(m.window.x + m.window.side for m in maps)
    bottom = max(m.window.y + m.window.side for m in maps)
    return left, top, right - left, bottom - top


def _lattice(x: float, y: float, width: float, height: float, step: float) -> Lattice:
    rows, columns = (max(1, round(side / step)) for side in (height, width))
    return Lattice(x, y, step, rows, columns)


def _weights(at: np.ndarray, source: int) -> np.ndarray:
    """(N, source) weights of linear interpolation at places counted in cells; rows sum to 1."""
    places = (at - 0.5).clip(0, source - 1)
    return np.maximum(1.0 - abs(places[:, None] - np.arange(source)), 0.0)
