"""Regions that several readers drew on one slide: how far they agree, and what they agree on.

A class of a reader is an area: the union of all regions of that class (``geometry.roi_shape``).
Everything is an exact area in squared level-0 pixels; nothing is sampled. Kappa needs a domain in
which a reader could have marked any place: it counts what nobody marked as agreement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ssmamba.names import folded
from ssmamba.rois.clipping import SMALLEST_AREA_PX2
from ssmamba.rois.geometry import polygons_of, rings_of, roi_shape
from ssmamba.rois.region_file import with_made_ids
from ssmamba.rois.roi import Roi

Merge = Literal["majority", "union", "intersection"]
MERGES: tuple[Merge, ...] = ("majority", "union", "intersection")
UNCLASSIFIED = "Unclassified"
NOTHING = shapely.Polygon()


@dataclass(frozen=True)
class Reader:
    """What one reader marked."""

    name: str
    areas: Mapping[str, BaseGeometry]  # by the folded name of a class

    def area(self, key: str) -> BaseGeometry:
        return self.areas.get(key, NOTHING)


@dataclass(frozen=True)
class ClassName:
    """A class, however the readers spelled it."""

    key: str  # folded
    name: str  # as the first reader wrote it
    color: tuple[int, int, int] | None


@dataclass(frozen=True)
class Pair:
    """Two readers' areas of one class; squared level-0 pixels. nan where nothing can be said."""

    class_name: str
    first: str
    second: str
    area_first: float
    area_second: float
    area_both: float
    dice: float  # 0 to 1; nan where neither marked the class
    kappa: float  # Cohen's, -1 to 1; nan where one label is all there is


@dataclass(frozen=True)
class Agreement:
    """All readers on one class; squared level-0 pixels."""

    class_name: str
    marked_by: int  # readers that have the class at all
    area_union: float
    area_majority: float
    area_intersection: float
    dice: float  # mean over the pairs of which one at least marked the class
    kappa: float  # Fleiss'; with two readers Cohen's


def reader_of(name: str, rois: Sequence[Roi]) -> Reader:
    """A reader's areas by class; points and lines have none, and a model's class is no reader's."""
    shapes: dict[str, list[BaseGeometry]] = {}
    for roi in rois:
        if roi.has_area:
            shapes.setdefault(_key(roi), []).append(roi_shape(roi))
    return Reader(name, {key: shapely.union_all(found) for key, found in shapes.items()})


def classes_of(rois: Sequence[Roi]) -> list[ClassName]:
    """The classes of all readers' regions with an area, by name."""
    found: dict[str, ClassName] = {}
    for roi in rois:
        key = _key(roi)
        if roi.has_area and key not in found:
            found[key] = ClassName(key, roi.user_class.strip() or UNCLASSIFIED, roi.color)
    return sorted(found.values(), key=lambda one: one.key)


def _key(roi: Roi) -> str:
    return folded(roi.user_class) or folded(UNCLASSIFIED)


def domain_of(readers: Sequence[Reader], *within: BaseGeometry) -> BaseGeometry:
    """All that was marked, and all of ``within``."""
    return shapely.union_all([*within, *(a for reader in readers for a in reader.areas.values())])


def pairs_of(readers: Sequence[Reader], one: ClassName, domain_area: float) -> list[Pair]:
    """Every pair of readers on one class. domain_area: of ``domain_of``, squared pixels."""
    pairs = []
    for first, second in combinations(readers, 2):
        a, b = first.area(one.key), second.area(one.key)
        both = float(shapely.intersection(a, b).area)
        sizes = float(a.area), float(b.area)
        dice = 2 * both / sum(sizes) if sum(sizes) else math.nan
        kappa = cohen_kappa(*sizes, both, domain_area)
        pairs.append(Pair(one.name, first.name, second.name, *sizes, both, dice, kappa))
    return pairs


def agreement_on(
    readers: Sequence[Reader],
    one: ClassName,
    pairs: Sequence[Pair],
    marked: Sequence[BaseGeometry],
    domain_area: float,
) -> Agreement:
    """All readers on one class; pairs: of ``pairs_of``; marked: of ``marked_by``."""
    areas = [reader.area(one.key) for reader in readers]
    told = [pair.dice for pair in pairs if not math.isnan(pair.dice)]
    sizes = [float(area.area) for area in areas]
    if len(readers) == 2:
        kappa = pairs[0].kappa
    else:
        kappa = fleiss_kappa(sizes, [pair.area_both for pair in pairs], domain_area)
    return Agreement(
        one.name,
        sum(not area.is_empty for area in areas),
        float(merged(marked, "union").area),
        float(merged(marked, "majority").area),
        float(merged(marked, "intersection").area),
        sum(told) / len(told) if told else math.nan,
        kappa,
    )


def cohen_kappa(first: float, second: float, both: float, domain: float) -> float:
    """Cohen's kappa (1960) of two readers who marked areas of a domain, or did not.

    nan where chance alone makes them agree: both marked all, or nothing.
    """
    if domain <= 0:
        return math.nan
    a, b, agreed = first / domain, second / domain, 1 - (first + second - 2 * both) / domain
    expected = a * b + (1 - a) * (1 - b)
    return (agreed - expected) / (1 - expected) if 1 - expected > 1e-12 else math.nan


def fleiss_kappa(sizes: Sequence[float], overlaps: Sequence[float], domain: float) -> float:
    """Fleiss' kappa (1971) of R readers who marked areas ``sizes`` of a domain.

    overlaps: what each pair of them shares. A place that n of R readers marked agrees by
    (n² + (R - n)² - R) / (R (R - 1)); the sums over all places are sums of these areas.
    """
    R = len(sizes)
    if domain <= 0 or R < 2:
        return math.nan
    total = sum(sizes)  # of n over the domain
    squares = total + 2 * sum(overlaps)  # of n²
    agreed = (2 * squares - 2 * R * total + (R * R - R) * domain) / (R * (R - 1) * domain)
    share = total / (R * domain)
    expected = share**2 + (1 - share) ** 2
    return (agreed - expected) / (1 - expected) if 1 - expected > 1e-12 else math.nan


def marked_by(areas: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """What at least 1, 2, … all of the readers marked."""
    marked: list[BaseGeometry] = [NOTHING] * len(areas)  # so far
    for number, area in enumerate(areas):
        for count in range(number, -1, -1):
            more = area if count == 0 else _shared(marked[count - 1], area)
            marked[count] = shapely.union(marked[count], more)
    return marked


def merged(marked: Sequence[BaseGeometry], how: Merge) -> BaseGeometry:
    """What any reader marked, all did, or more than half of them did; marked: of ``marked_by``."""
    return marked[{"union": 0, "intersection": -1, "majority": len(marked) // 2}[how]]


def _shared(first: BaseGeometry, second: BaseGeometry) -> BaseGeometry:
    """What two areas have in common, without the edges and corners at which they only touch."""
    return shapely.MultiPolygon(polygons_of(shapely.intersection(first, second)))


def merged_regions(
    readers: Sequence[Reader], one: ClassName, marked: Sequence[BaseGeometry], how: Merge
) -> list[Roi]:
    """The pieces of a class on which the readers agree, largest first; marked: of ``marked_by``.

    Measurement ``Readers``: how many of them marked it, on the mean over its places.
    """
    found = [p for p in polygons_of(merged(marked, how)) if p.area >= SMALLEST_AREA_PX2]
    pieces = np.array(sorted(found, key=lambda piece: -piece.area), dtype=object)
    counts = np.zeros(len(pieces))
    for reader in readers:
        counts += _inside(pieces, reader.area(one.key))
    made = []
    for piece, count in zip(pieces, counts / shapely.area(pieces), strict=True):
        rings = tuple(
            tuple((round(x, 2), round(y, 2)) for x, y in ring) for ring in rings_of(piece)
        )
        made.append(
            Roi(
                (rings,),
                id=one.key,
                class_name="" if one.name == UNCLASSIFIED else one.name,
                color=one.color,
                measurements={"Readers": round(float(count), 4)},
                metadata={"merged": f"{how} of {len(readers)} readers"},
            )
        )
    return with_made_ids(made)


def _inside(pieces: np.ndarray, area: BaseGeometry) -> np.ndarray:
    """How much of each piece is inside an area, (N,) float64 squared pixels."""
    parts = np.array(polygons_of(area), dtype=object)
    if not len(parts) or not len(pieces):
        return np.zeros(len(pieces))
    piece, part = shapely.STRtree(parts).query(pieces, predicate="intersects")
    shared = shapely.area(shapely.intersection(pieces[piece], parts[part]))
    return np.bincount(piece, shared, len(pieces))
