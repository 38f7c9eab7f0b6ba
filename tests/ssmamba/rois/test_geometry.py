"""Drawn paths become valid regions."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.rois.geometry import area_of, path_to_polygons, roi_shape
from ssmamba.rois.roi import Roi

PATHS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=3, max_size=25)


@settings(max_examples=60, deadline=None)
@given(PATHS)
def test_any_path_gives_valid_areas_that_hold_no_more_than_its_hull(
    path: list[tuple[int, int]],
) -> None:
    polygons = path_to_polygons([(float(x), float(y)) for x, y in path], 0.0)
    hull = shapely.MultiPoint(path).convex_hull
    for rings in polygons:
        shape = shapely.Polygon(rings[0], rings[1:])
        assert shape.is_valid
        assert shape.area > 0
        assert hull.buffer(1e-6).covers(shape)
    if polygons:
        parts = [shapely.Polygon(r[0], r[1:]).area for r in polygons]
        assert parts == sorted(parts, reverse=True)


def test_a_simple_path_keeps_its_area() -> None:
    (rings,) = path_to_polygons([(0, 0), (10, 0), (10, 10), (0, 10)], 0.0)
    assert shapely.Polygon(rings[0]).area == 100


@pytest.mark.parametrize("path", [[], [(0, 0)], [(0, 0), (5, 5), (10, 10)], [(1, 1)] * 5])
def test_a_path_without_area_gives_nothing(path: list[tuple[float, float]]) -> None:
    assert path_to_polygons(path, 0.5) == ()


def test_tiny_loops_are_dropped() -> None:
    path = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 1), (-1, 0.5), (0, 0.5)]
    polygons = path_to_polygons([(float(x), float(y)) for x, y in path], 0.0)
    assert len(polygons) == 1


def test_holes_count_for_the_area() -> None:
    outer, hole = ((0, 0), (10, 0), (10, 10), (0, 10)), ((2, 2), (4, 2), (4, 4), (2, 4))
    assert area_of(Roi(((outer, hole),))) == 96


def test_points_and_lines_are_shapes_without_area() -> None:
    point = Roi((((((3.0, 4.0)),),),), kind="point")
    line = Roi((((((0.0, 0.0), (3.0, 4.0))),),), kind="line")
    assert area_of(point) == 0
    assert roi_shape(line).length == 5
