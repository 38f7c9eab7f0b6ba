"""What a person says is tissue on a slide, and what is not; no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ssmamba.rois.roi import Roi

if TYPE_CHECKING:  # shapely is imported by what needs it: the window opens sooner
    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True)
class Correction:
    """Areas that count, and that do not, whatever was found there; the two do not overlap.

    They are copies of regions as these were: later changes to a region leave them alone.
    """

    added: tuple[Roi, ...] = ()
    removed: tuple[Roi, ...] = ()

    @property
    def is_any(self) -> bool:
        return bool(self.added or self.removed)

    def counting(self, rois: Iterable[Roi]) -> Correction:
        """With these areas as tissue, also where they were left out before."""
        new = _areas(rois)
        return Correction(_joined(self.added, new), _without(self.removed, new))

    def leaving_out(self, rois: Iterable[Roi]) -> Correction:
        """Without these areas, also where they counted before."""
        new = _areas(rois)
        return Correction(_without(self.added, new), _joined(self.removed, new))


def _areas(rois: Iterable[Roi]) -> tuple[Roi, ...]:
    """What encloses anything; points and lines do not."""
    from ssmamba.rois.geometry import roi_shape

    return tuple(roi.bare() for roi in rois if roi_shape(roi).area > 0)


def _joined(old: tuple[Roi, ...], new: tuple[Roi, ...]) -> tuple[Roi, ...]:
    """New areas in place of what they cover of the old ones."""
    return (*_without(old, new), *new)


def _without(old: tuple[Roi, ...], new: tuple[Roi, ...]) -> tuple[Roi, ...]:
    """What the new areas leave of the old ones; those that they do not touch as they were."""
    if not old or not new:
        return old
    import shapely

    from ssmamba.rois.geometry import roi_shape

    taken = shapely.union_all([roi_shape(roi) for roi in new])
    return tuple(left for roi in old if (left := _cut(roi, taken)) is not None)


def _cut(roi: Roi, taken: BaseGeometry) -> Roi | None:
    from ssmamba.rois.geometry import polygons_of, rings_of, roi_shape

    shape = roi_shape(roi)
    if not shape.intersects(taken):
        return roi
    left = tuple(rings_of(part) for part in polygons_of(shape.difference(taken)))
    return replace(roi, polygons=left, kind="polygon") if left else None
