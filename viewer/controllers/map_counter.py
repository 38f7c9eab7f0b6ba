"""Counts what the comparison says of evidence maps; runs on a worker."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmamba.engine.messages import ExplainResult
from ssmamba.explain.compared import (
    Lattice,
    Share,
    difference,
    measuring_lattice,
    rank_agreement,
    sample,
    share_inside,
)
from ssmamba.explain.stitch import ABOVE_SCALE, colorize, shared_range
from ssmamba.rois.roi import Roi
from viewer.canvas import Overlay
from viewer.controllers.map_painter import image_of
from viewer.state.settings import SIGNED_COLORMAP, MapSpec

KEPT = 1024  # numbers
KEPT_MASKS = 8


@dataclass(frozen=True)
class MapNumbers:
    """The numbers beside one picture; None where they are not defined."""

    share: Share | None = None  # of the evidence in the chosen regions
    rho: float | None = None  # Spearman's, with map A over the selected region


@dataclass(frozen=True, eq=False)
class CountJob:
    """One map with what it is compared to."""

    spec: MapSpec
    result: ExplainResult
    roi: Roi  # that it is a map of
    truth: tuple[Roi, ...]  # where evidence is counted; empty = nowhere
    reference: ExplainResult | None  # map A


@dataclass(frozen=True, eq=False)
class Difference:
    """A − B, ready for the canvas."""

    overlay: Overlay
    values: np.ndarray  # (R, C) float64, NaN where one of the two has nothing
    reach: float  # the colours run from −reach to +reach
    scales: tuple[float, float] = (1.0, 1.0)  # by which A and B were divided

    @property
    def raw(self) -> bool:
        """Of raw values; else of shares of each map's own scale."""
        return self.scales == (1.0, 1.0)

    def of(self, a: float, b: float) -> float:
        """The difference of two raw values; NaN where one is."""
        return a / self.scales[0] - b / self.scales[1]


class MapCounter:
    """Counts, and keeps what was counted; one thread at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[tuple[Any, ...], object]] = OrderedDict()
        self._masks: OrderedDict[Hashable, tuple[tuple[Roi, ...], np.ndarray]] = OrderedDict()
        self._last: tuple[tuple[Any, ...], Difference | None] | None = None  # it is large

    def count(self, jobs: Sequence[CountJob]) -> dict[MapSpec, MapNumbers]:
        return {job.spec: self._numbers(job) for job in jobs}

    def difference(
        self, roi: Roi, a: ExplainResult, b: ExplainResult, raw: bool
    ) -> Difference | None:
        """None where the two maps have no place in common."""
        of = roi, a, b, raw
        if self._last is None or any(x is not y for x, y in zip(self._last[0], of, strict=True)):
            self._last = of, _difference(*of)
        return self._last[1]

    def _numbers(self, job: CountJob) -> MapNumbers:
        share = rho = None
        if job.truth:
            share = self._once("share", (job.result, *job.truth), lambda: self._share(job))
        if job.reference is not None and job.reference is not job.result:
            other = job.reference

            def agreement() -> float | None:
                return rank_agreement(other.maps, job.result.maps, area_of((job.roi,)))

            rho = self._once("rho", (other, job.result, job.roi), agreement)
        return MapNumbers(share, rho)

    def _share(self, job: CountJob) -> Share:
        lattice = measuring_lattice(job.result.maps)
        return share_inside(sample(job.result.maps, lattice), self._mask(lattice, job.truth))

    def _mask(self, lattice: Lattice, rois: tuple[Roi, ...]) -> np.ndarray:
        key = (lattice, *map(id, rois))
        if key not in self._masks:
            self._masks[key] = rois, lattice.inside(area_of(rois))
        self._masks.move_to_end(key)
        while len(self._masks) > KEPT_MASKS:
            self._masks.popitem(last=False)
        return self._masks[key][1]

    def _once(self, what: Hashable, of: tuple[Any, ...], work: Callable[[], Any]) -> Any:
        """The kept value of these very objects, else ``work()``; results are not kept alive."""
        key = (what, *map(id, of))
        kept = self._kept.get(key)
        if kept is None or any(a() is not b for a, b in zip(kept[0], of, strict=True)):
            kept = (tuple(weakref.ref(part) for part in of), work())
            self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept[1]


def area_of(rois: Sequence[Roi]) -> Any:
    """The union of regions as a shapely geometry, level-0 pixels."""
    import shapely  # loads slowly

    from ssmamba.rois.geometry import roi_shape

    return roi_shape(rois[0]) if len(rois) == 1 else shapely.union_all([roi_shape(r) for r in rois])


def _difference(roi: Roi, a: ExplainResult, b: ExplainResult, raw: bool) -> Difference | None:
    scales = (1.0, 1.0) if raw else (shared_range(a.maps)[1], shared_range(b.maps)[1])
    found = difference(a.maps, b.maps, *scales)
    if found is None:
        return None
    values, lattice = found
    known = np.abs(values[np.isfinite(values)])
    reach = float(np.quantile(known, 1 - ABOVE_SCALE)) if known.size else 0.0
    reach = reach or (float(known.max()) if known.size else 0.0) or 1.0
    picture = image_of(colorize(values, -reach, reach, SIGNED_COLORMAP))
    width, height = lattice.columns * lattice.step, lattice.rows * lattice.step
    overlay = Overlay(picture, lattice.x, lattice.y, width, height, clip=roi)
    return Difference(overlay, values, reach, scales)
