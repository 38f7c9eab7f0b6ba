"""Regions over the edge are cut to the slide."""

from __future__ import annotations

import pytest

from ssmamba.rois.clipping import cut_to_slide
from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Roi

INSIDE = Roi(((((5.0, 5.0), (20.0, 5.0), (20.0, 30.0)),),), measurements={"a": 1.0})


def box(left: float, top: float, right: float, bottom: float, **fields: object) -> Roi:
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Roi(((ring,),), **fields)  # type: ignore[arg-type]


def test_what_is_on_the_slide_is_the_same_object() -> None:
    assert cut_to_slide(INSIDE, 224, 224) is INSIDE
    point = Roi(((((-5.0, 900.0),),),), kind="point")
    assert cut_to_slide(point, 224, 224) is point


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "ellipse"])
def test_a_region_over_the_edge_has_no_more_than_the_area_of_the_slide(kind: str) -> None:
    drawn = box(-2, -1, 230, 226, kind=kind, name="all", measurements={"area": 52664.0})
    cut = cut_to_slide(drawn, 224, 224)
    assert cut is not None and area_of(cut) == 224 * 224
    assert cut.kind == ("rectangle" if kind == "rectangle" else "polygon")
    assert (cut.id, cut.name, cut.measurements) == (drawn.id, "all", {})


def test_parts_off_the_slide_go_and_a_region_off_it_is_none() -> None:
    here, there = box(10, 10, 20, 20), box(500, 10, 600, 20)
    both = Roi(here.polygons + there.polygons)
    cut = cut_to_slide(both, 224, 224)
    assert cut is not None and area_of(cut) == 100
    assert cut_to_slide(there, 224, 224) is None
    assert cut_to_slide(box(224, 0, 300, 20), 224, 224) is None  # it only touches


def test_corners_have_two_decimals() -> None:
    slanted = Roi(((((10.0, 10.0), (300.0, 77.77), (20.0, 200.0)),),))
    cut = cut_to_slide(slanted, 224, 224)
    assert cut is not None
    places = [value for point in cut.polygons[0][0] for value in point]
    assert places == [round(value, 2) for value in places] and max(places) == 224
