"""What a canvas needs to know of each ROI to find and paint it, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.roi_shape import DEFAULT_COLOR, RoiShape

SLICE = 5000  # ROIs that are looked at in one go: some 20 ms


@dataclass(frozen=True)
class RoiTable:
    """One row for each ROI that has a place, from the bottom up."""

    shapes: list[RoiShape] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    bounds: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))  # level-0 px
    colors: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint32))  # ARGB
    is_point: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    has_area: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    is_hidden: np.ndarray = field(default_factory=lambda: np.empty(0, bool))

    def rows(self, first: int, end: int) -> RoiTable:
        """Some of the rows."""
        part = slice(first, end)
        return RoiTable(
            self.shapes[part],
            self.ids[part],
            self.bounds[part],
            self.colors[part],
            self.is_point[part],
            self.has_area[part],
            self.is_hidden[part],
        )


def table_of(rois: Sequence[Roi], known: Callable[[str], RoiShape | None]) -> RoiTable:
    """known: the shape that an id had before, which is kept if its ROI is the same."""
    shapes = []
    for roi in rois:
        shape = known(roi.id)
        if shape is not None and shape.roi is roi:
            shapes.append(shape)
        elif _has_places(roi):
            shapes.append(RoiShape(roi))
    count, there = len(shapes), [shape.roi for shape in shapes]
    bounds = chain.from_iterable(shape.bounds for shape in shapes)
    colors = chain.from_iterable(roi.color or DEFAULT_COLOR for roi in there)
    rgb = np.fromiter(colors, np.uint32, 3 * count).reshape(-1, 3)
    return RoiTable(
        shapes,
        [roi.id for roi in there],
        np.fromiter(bounds, float, 4 * count).reshape(-1, 4),
        rgb @ np.array([1 << 16, 1 << 8, 1], np.uint32) | 0xFF000000,
        np.fromiter((roi.kind == "point" for roi in there), bool, count),
        np.fromiter((roi.has_area for roi in there), bool, count),
        np.fromiter((roi.hidden for roi in there), bool, count),
    )


def changed(old: RoiTable, rois: Sequence[Roi]) -> tuple[int, int]:
    """How many ROIs are the same at the beginning, and how many at the end."""
    most = min(len(old.shapes), len(rois))
    first = _same(zip(old.shapes, rois, strict=False))
    last = _same(zip(reversed(old.shapes), reversed(rois), strict=False))
    return first, min(last, most - first)


def slices(
    old: RoiTable, rois: Sequence[Roi], known: Callable[[str], RoiShape | None]
) -> Iterator[RoiTable | None]:
    """Yields the table of these ROIs at last, and None each time that others may have a turn."""
    first, last = changed(old, rois)
    parts = [old.rows(0, first)]
    end = len(rois) - last
    for start in range(first, end, SLICE):
        if end - first > SLICE:
            yield None
        parts.append(table_of(rois[start : min(start + SLICE, end)], known))
    parts.append(old.rows(len(old.shapes) - last, len(old.shapes)))
    yield RoiTable(
        list(chain.from_iterable(part.shapes for part in parts)),
        list(chain.from_iterable(part.ids for part in parts)),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("bounds", "colors", "is_point", "has_area", "is_hidden")
        ),
    )


def _same(pairs: Iterator[tuple[RoiShape, Roi]]) -> int:
    count = 0
    for shape, roi in pairs:
        if shape.roi is not roi:
            break
        count += 1
    return count


def _has_places(roi: Roi) -> bool:
    first = roi.polygons[0] if roi.polygons else ()
    return bool(first and first[0]) or any(rings and rings[0] for rings in roi.polygons)
