"""The part of a region that lies on a slide."""

from __future__ import annotations

from dataclasses import replace

from ssmamba.rois.roi import Roi, rounded

SMALLEST_AREA_PX2 = 1.0  # smaller parts are dropped, squared level-0 pixels


def is_within(roi: Roi, width: int, height: int) -> bool:
    """Whether all of a region is on a slide of ``width`` × ``height`` level-0 pixels."""
    left, top, right, bottom = roi.bounds
    return left >= 0 and top >= 0 and right <= width and bottom <= height


def cut_to_slide(roi: Roi, width: int, height: int) -> Roi | None:
    """The part of a region with an area that is on the slide; None when there is none.

    A region that is on it anyway, and one without an area, are given back as they are. A rectangle
    stays one; anything else becomes a polygon. Measurements are dropped, which are those of the
    whole.
    """
    if not roi.has_area or is_within(roi, width, height):
        return roi
    import shapely  # loads slowly

    from ssmamba.rois.geometry import polygons_of, rings_of, roi_shape

    kept = shapely.intersection(roi_shape(roi), shapely.box(0, 0, width, height))
    polygons = tuple(rounded(rings_of(p)) for p in polygons_of(kept) if p.area >= SMALLEST_AREA_PX2)
    if not polygons:
        return None
    kind = roi.kind if roi.kind == "rectangle" else "polygon"
    return replace(roi, polygons=polygons, kind=kind, measurements={})
