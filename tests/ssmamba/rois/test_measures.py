"""Lengths, angles and diameters against what is known of simple shapes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.rois.measures import angle_of, diameter_of, length_of, perimeter_of, point_count
from ssmamba.rois.outlines import ellipse_ring
from ssmamba.rois.roi import Kind, Point, Roi

SQUARE = Roi(((((0, 0), (30, 0), (30, 40), (0, 40)),),))


def of(kind: Kind, *places: Point) -> Roi:
    return Roi(((places,),), kind=kind)


def test_lengths_are_those_of_all_parts() -> None:
    assert length_of(of("ruler", (0, 0), (3, 4))) == 5
    assert length_of(of("angle", (3, 0), (0, 0), (0, 4))) == 7
    assert length_of(Roi(((((0, 0), (3, 4)),), (((9, 9), (9, 10)),)), kind="line")) == 6
    assert length_of(SQUARE) == length_of(of("point", (0, 0), (5, 5))) == 0


@pytest.mark.parametrize("degrees", [0.0, 12.5, 90.0, 179.0, 180.0])
@pytest.mark.parametrize("turned", [0.0, 100.0, 200.0, 359.0])
def test_an_angle_is_between_its_arms_however_they_are_turned(
    degrees: float, turned: float
) -> None:
    ends = [
        (math.cos(math.radians(a)) * 50 + 7, math.sin(math.radians(a)) * 50 + 9)
        for a in (turned, turned + degrees)
    ]
    assert angle_of(of("angle", ends[0], (7, 9), ends[1])) == pytest.approx(degrees)
    assert angle_of(of("angle", ends[1], (7, 9), ends[0])) == pytest.approx(degrees)


def test_only_an_angle_has_one() -> None:
    assert math.isnan(angle_of(SQUARE)) and math.isnan(angle_of(of("ruler", (0, 0), (1, 1))))


def test_the_perimeter_counts_outline_and_holes() -> None:
    hole = ((10, 10), (20, 10), (20, 20), (10, 20))
    assert perimeter_of(SQUARE) == 140
    assert perimeter_of(Roi(((*SQUARE.polygons[0], hole),))) == 180
    assert perimeter_of(of("ruler", (0, 0), (3, 4))) == 0


def test_the_diameter_is_the_largest_distance() -> None:
    assert diameter_of(SQUARE) == 50
    assert diameter_of(of("ruler", (0, 0), (3, 4))) == 5
    assert diameter_of(of("point", (1, 1))) == 0
    circle = of("ellipse", *ellipse_ring((0, 0), (200, 200), 2000))
    assert diameter_of(circle) == pytest.approx(200, abs=0.02)


@given(st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2), min_size=1, max_size=30))
def test_the_diameter_is_that_of_the_farthest_pair(places: list[Point]) -> None:
    farthest = max(math.dist(a, b) for a in places for b in places)
    assert diameter_of(of("point", *places)) == pytest.approx(farthest, abs=1e-6)


def test_points_are_counted() -> None:
    assert point_count(of("point", (0, 0), (5, 5))) == 2 and point_count(SQUARE) == 0
