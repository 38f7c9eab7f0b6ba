"""Regions put together, cut apart and made simpler; everything in level-0 pixels.

A result keeps id, name, class, colour and note of the region that it is made of, is rounded to
1/100 px, and loses measurements of other programs, which were those of the old outline. Every
function gives None where no area is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import shapely
from shapely.geometry.base import BaseGeometry

from ssmamba.rois.clipping import SMALLEST_AREA_PX2
from ssmamba.rois.geometry import polygons_of, rings_of, roi_shape
from ssmamba.rois.outlines import shifted
from ssmamba.rois.roi import Rings, Roi, rounded


def polygons_from(area: BaseGeometry) -> tuple[Rings, ...]:
    """The parts of a shapely area, largest first; those below SMALLEST_AREA_PX2 are dropped."""
    parts = sorted(polygons_of(area), key=lambda part: -part.area)
    return tuple(rounded(rings_of(p)) for p in parts if p.area >= SMALLEST_AREA_PX2)


def with_area(roi: Roi, area: BaseGeometry) -> Roi | None:
    """The region with another area."""
    polygons = polygons_from(area)
    if not polygons:
        return None
    return replace(roi, polygons=polygons, kind="polygon", measurements={})


def united(rois: Sequence[Roi]) -> Roi | None:
    """All of what any of the regions covers, as the first one."""
    return with_area(rois[0], shapely.union_all([roi_shape(roi) for roi in rois]))


def subtracted(rois: Sequence[Roi]) -> Roi | None:
    """The first region without what the others cover."""
    rest = shapely.union_all([roi_shape(roi) for roi in rois[1:]])
    return with_area(rois[0], shapely.difference(roi_shape(rois[0]), rest))


def intersected(rois: Sequence[Roi]) -> Roi | None:
    """What all of the regions cover, as the first one."""
    return with_area(rois[0], shapely.intersection_all([roi_shape(roi) for roi in rois]))


def parts_of(roi: Roi) -> list[Roi]:
    """A region for each connected part, the largest under the old id; without names but one."""
    polygons = polygons_from(roi_shape(roi))
    if len(polygons) < 2:
        return [roi]
    new = replace(roi, kind="polygon", measurements={})
    fresh = [replace(_renewed(new), polygons=(rings,), name="") for rings in polygons[1:]]
    return [replace(new, polygons=polygons[:1]), *fresh]


def without_holes(roi: Roi) -> Roi | None:
    """The region with its holes filled; itself where it has none."""
    area = roi_shape(roi)
    parts = polygons_of(area)
    if not any(part.interiors for part in parts):
        return roi
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in parts])
    return with_area(roi, filled)


def simplified(roi: Roi, tolerance: float) -> Roi | None:
    """The region without corners that are within ``tolerance`` px of the line (Douglas-Peucker)."""
    if not roi.has_area:
        return roi
    found = with_area(roi, roi_shape(roi).simplify(tolerance, preserve_topology=True))
    return roi if found is not None and corner_count(found) >= corner_count(roi) else found


def duplicate(roi: Roi, dx: float, dy: float) -> Roi:
    """A copy under an id of its own, moved by (dx, dy), unlocked and without a name."""
    return replace(shifted(_renewed(roi), dx, dy), name="", locked=False)


def corner_count(roi: Roi) -> int:
    """Corners of all outlines."""
    return sum(len(ring) for rings in roi.polygons for ring in rings)


def _renewed(roi: Roi) -> Roi:
    """The region under a new id; what other programs say of the old one's id is dropped."""
    feature = {k: v for k, v in roi.extra.get("feature", {}).items() if k != "id"}
    extra = {k: v for k, v in roi.extra.items() if k not in ("feature", "beyond")}
    fresh = Roi(roi.polygons)
    return replace(roi, id=fresh.id, extra={**extra, "feature": feature} if feature else extra)
