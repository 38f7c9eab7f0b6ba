"""Which place of one slide is which of another: a shift, a scale and a turn, from pairs of places.

Places are (x, y) in level-0 pixels; a turn is clockwise, as y points down.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssmamba.rois.roi import Point, Roi

NEAREST_PX = 20.0  # between two pairs, level-0 pixels: nearer ones say nothing of scale and turn
LARGEST_SCALE = 64.0
DOUBT = 1.25  # scales of the places and of µm/px that differ by more are said
STRAIGHT = 1e-12  # radians: below it rectangles stay rectangles


@dataclass(frozen=True)
class Pair:
    """The same place on two slides."""

    here: Point
    there: Point


@dataclass(frozen=True)
class Similarity:
    """x + iy on the first slide → ``factor`` * (x + iy) + ``shift`` on the second."""

    factor: complex
    shift: complex

    def at(self, x: float, y: float) -> Point:
        place = self.factor * complex(x, y) + self.shift
        return place.real, place.imag

    @property
    def scale(self) -> float:
        """Pixels of the second slide for one of the first."""
        return abs(self.factor)

    @property
    def turn(self) -> float:
        """Radians from the first slide's axes to the second's, -π..π."""
        return cmath.phase(self.factor)

    @property
    def inverse(self) -> Similarity:
        return Similarity(1 / self.factor, -self.shift / self.factor)


@dataclass(frozen=True)
class SlideLink:
    """The pairs that link two slides."""

    pairs: tuple[Pair, ...] = ()
    on: bool = True  # whether their views move together
    turn: float = 0.0  # radians, used while there is one pair

    @property
    def reversed(self) -> SlideLink:
        """The same link, from the second slide to the first."""
        pairs = tuple(Pair(pair.there, pair.here) for pair in self.pairs)
        return replace(self, pairs=pairs, turn=-self.turn)

    def similarity(self, scale: float | None) -> Similarity | None:
        """The one that fits the pairs best by least squares; None without a pair.

        scale: pixels of the second slide for one of the first by their µm/px, used while there is
        one pair; None = unknown: pixel by pixel.
        """
        if not self.pairs:
            return None
        here = [complex(*pair.here) for pair in self.pairs]
        there = [complex(*pair.there) for pair in self.pairs]
        here_mean, there_mean = sum(here) / len(here), sum(there) / len(there)
        spread = sum(abs(z - here_mean) ** 2 for z in here)
        factor = cmath.rect(scale or 1.0, self.turn)
        if spread:
            both = zip(here, there, strict=True)
            found = sum((z - here_mean).conjugate() * (w - there_mean) for z, w in both) / spread
            factor = found if found else factor
        return Similarity(factor, there_mean - factor * here_mean)

    def with_pair(self, pair: Pair, turn: float = 0.0) -> SlideLink | None:
        """The link with one pair more, switched on; None where that pair says nothing new.

        turn: by which the two views are turned against each other as the first pair is taken.
        """
        for old in self.pairs:
            ways = math.dist(old.here, pair.here), math.dist(old.there, pair.there)
            if min(ways) < NEAREST_PX or not 1 / LARGEST_SCALE < ways[1] / ways[0] < LARGEST_SCALE:
                return None
        return SlideLink((*self.pairs, pair), True, self.turn if self.pairs else turn)

    def error_px(self) -> float:
        """The farthest that a place lies from where the others put it, pixels of the second."""
        found = self.similarity(None)
        if found is None or len(self.pairs) < 3:
            return 0.0
        return max(math.dist(found.at(*pair.here), pair.there) for pair in self.pairs)

    def doubts(self, scale: float | None) -> bool:
        """Whether the places say another scale than the slides' µm/px."""
        found = self.similarity(None)
        if found is None or scale is None or len(self.pairs) < 2:
            return False
        return not 1 / DOUBT <= found.scale / scale <= DOUBT


def scale_between(here_mpp: float | None, there_mpp: float | None) -> float | None:
    """Pixels of the second slide for one of the first; µm/px."""
    return None if not here_mpp or not there_mpp else here_mpp / there_mpp


def carried(roi: Roi, to: Similarity) -> Roi:
    """A region as it lies on the second slide, to 1/100 px; its measurements were the first's."""
    polygons = tuple(
        tuple(tuple(_rounded(to.at(x, y)) for x, y in ring) for ring in rings)
        for rings in roi.polygons
    )
    upright = abs(to.turn) < STRAIGHT or roi.kind not in ("rectangle", "ellipse")
    kind = roi.kind if upright else "polygon"
    return replace(roi, polygons=polygons, kind=kind, measurements={})


def _rounded(place: Sequence[float]) -> Point:
    return round(place[0], 2), round(place[1], 2)
