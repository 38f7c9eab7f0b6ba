"""The area of each class on a slide, and the class of each window by its share inside.

An area is the union of a class's annotations without their holes, so annotations of one class
that overlap count once. Where annotations of several classes overlap, a window may belong to
each of them: it is left out and told, or, with ``inner``, the smaller annotation owns the place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import Polygon

from ssmamba.rois.geometry import polygons_of, roi_shape
from ssmamba.rois.roi import Roi

MOST_CORNERS = 256  # of a piece of an area; larger ones are divided, so that cutting stays quick
CHUNK = 1 << 16  # windows cut at once
NONE = -1  # the class of a window that has none


@dataclass(frozen=True)
class Areas:
    """What is annotated on a slide, level-0 pixels."""

    classes: tuple[str, ...]
    shapes: tuple[BaseGeometry, ...]  # of the classes, in their order
    anything: BaseGeometry  # all annotations, used or not


@dataclass(frozen=True)
class Labels:
    """The class of each window."""

    classes: np.ndarray  # (N,) int64, place in Areas.classes; NONE = no class
    several: np.ndarray  # (N, K) bool: every class of which enough is inside, where several are
    free: np.ndarray  # (N,) bool: no annotation reaches in


def areas_of(
    rois: Sequence[tuple[str, Roi]], others: Sequence[Roi], cut: Sequence[Roi], inner: bool
) -> Areas:
    """The areas of the classes of ``rois``.

    rois: (class, region). others: regions of no class that is used. cut: regions that are taken
    out of every class. inner: the smaller region owns what it shares with a larger one.
    """
    owned = [(name, roi_shape(roi)) for name, roi in rois]
    rest, out = [roi_shape(roi) for roi in others], [roi_shape(roi) for roi in cut]
    anything = shapely.union_all([*(shape for _, shape in owned), *rest, *out])
    if inner:
        owned = _by_the_smallest(owned)
    outside = shapely.union_all(out)
    names = tuple(sorted({name for name, _ in owned}))
    shapes = tuple(
        shapely.difference(shapely.union_all([s for n, s in owned if n == name]), outside)
        for name in names
    )
    return Areas(names, shapes, anything)


def _by_the_smallest(owned: Sequence[tuple[str, BaseGeometry]]) -> list[tuple[str, BaseGeometry]]:
    """Each region without the smaller ones of other classes inside it."""
    ordered = sorted(owned, key=lambda item: item[1].area)
    shapes = np.array([shape for _, shape in ordered], dtype=object)
    tree = shapely.STRtree(shapes)
    left = []
    for index, (name, shape) in enumerate(ordered):
        near = tree.query(shape, predicate="intersects")
        smaller = [shapes[i] for i in near if i < index and ordered[i][0] != name]
        left.append((name, shapely.difference(shape, shapely.union_all(smaller))))
    return left


def label_windows(areas: Areas, windows: np.ndarray, inside: float) -> Labels:
    """The class of windows (N, 3) of x, y, side: the one of which a share ``inside`` is in them."""
    boxes = _boxes(windows)
    shares = np.stack(
        [np.zeros(len(windows)), *(inside_shares(shape, windows) for shape in areas.shapes)], axis=1
    )[:, 1:]
    enough = shares >= inside - 1e-9
    count = enough.sum(axis=1)
    classes = np.full(len(windows), NONE, np.int64)
    single = count == 1
    classes[single] = enough[single].argmax(axis=1) if enough.shape[1] else NONE
    touched = _touched(areas.anything, boxes)
    return Labels(classes, enough & (count > 1)[:, None], ~touched)


def inside_shares(area: BaseGeometry, windows: np.ndarray) -> np.ndarray:
    """The share of each window (N, 3) of x, y, side that is inside an area, (N,) float64."""
    found = np.zeros(len(windows))
    pieces = np.array(list(_pieces(area)), dtype=object)
    if not len(pieces):
        return found
    tree = shapely.STRtree(pieces)
    for first in range(0, len(windows), CHUNK):
        boxes = _boxes(windows[first : first + CHUNK])
        window, piece = tree.query(boxes, predicate="intersects")
        parts = shapely.area(shapely.intersection(pieces[piece], boxes[window]))
        found[first : first + CHUNK] = np.bincount(window, parts, len(boxes))
    return np.minimum(found / np.maximum(windows[:, 2], 1e-9) ** 2, 1.0)


def largest_region(rois: Sequence[Roi], windows: np.ndarray) -> np.ndarray:
    """Which region has the largest part of each window, (N,) int64; NONE where none reaches in."""
    shapes = np.array([roi_shape(roi) for roi in rois], dtype=object)
    found = np.full(len(windows), NONE, np.int64)
    if not len(shapes) or not len(windows):
        return found
    boxes = _boxes(windows)
    window, region = shapely.STRtree(shapes).query(boxes, predicate="intersects")
    parts = shapely.area(shapely.intersection(shapes[region], boxes[window]))
    order = np.lexsort((-region, parts))  # the last of a window is its largest, then its first
    found[window[order]] = region[order]
    return found


def _touched(area: BaseGeometry, boxes: np.ndarray) -> np.ndarray:
    """Whether any of an area lies within each box; a common edge is none, (N,) bool."""
    touched = np.zeros(len(boxes), bool)
    pieces = np.array(list(_pieces(area)), dtype=object)
    if len(pieces):
        window, piece = shapely.STRtree(pieces).query(boxes, predicate="intersects")
        real = ~shapely.touches(pieces[piece], boxes[window])
        touched[window[real]] = True
    return touched


def _boxes(windows: np.ndarray) -> np.ndarray:
    x, y, side = np.asarray(windows, np.float64).reshape(-1, 3).T
    return shapely.box(x, y, x + side, y + side)


def _pieces(area: BaseGeometry) -> Iterator[Polygon]:
    """The polygons of an area, those of many corners in pieces that do not overlap."""
    for polygon in polygons_of(area):
        if shapely.get_num_coordinates(polygon) <= MOST_CORNERS:
            yield polygon
            continue
        left, top, right, bottom = polygon.bounds
        if max(right - left, bottom - top) < 2:
            yield polygon
            continue
        if right - left >= bottom - top:
            middle = (left + right) / 2
            halves = (left, top, middle, bottom), (middle, top, right, bottom)
        else:
            middle = (top + bottom) / 2
            halves = (left, top, right, middle), (left, middle, right, bottom)
        for half in halves:
            yield from _pieces(shapely.intersection(polygon, shapely.box(*half)))


def overlaps(labels: Labels, names: Sequence[str]) -> Mapping[tuple[str, ...], int]:
    """How many windows lie in several classes, by those classes."""
    rows = [tuple(np.flatnonzero(row).tolist()) for row in labels.several if row.any()]
    return {tuple(names[i] for i in row): count for row, count in sorted(Counter(rows).items())}
