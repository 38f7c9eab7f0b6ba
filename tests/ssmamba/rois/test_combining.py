"""Regions united, subtracted, intersected, split, filled and simplified, by their areas."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.rois.combining import (
    corner_count,
    duplicate,
    intersected,
    parts_of,
    simplified,
    subtracted,
    united,
    without_holes,
)
from ssmamba.rois.geometry import area_of, roi_shape
from ssmamba.rois.outlines import box_ring, ellipse_ring, shifted
from ssmamba.rois.roi import Roi


def box(x: float, y: float, side: float, name: str = "", roi_id: str = "") -> Roi:
    ring = box_ring((x, y), (x + side, y + side))
    return Roi(((ring,),), kind="rectangle", name=name, id=roi_id or f"{x}-{y}-{side}")


A, B = box(0, 0, 10, "A"), box(5, 0, 10, "B")


def test_the_first_region_keeps_its_name_and_id() -> None:
    for combine, area in ((united, 150), (subtracted, 50), (intersected, 50)):
        made = combine([replace(A, class_name="Tumour", measurements={"x": 1.0}), B])
        assert made is not None and area_of(made) == area
        assert (made.id, made.name, made.class_name, made.kind) == (A.id, "A", "Tumour", "polygon")
        assert made.measurements == {}  # of the old outline


def test_nothing_left_is_no_region() -> None:
    assert intersected([A, box(50, 50, 5)]) is None
    assert subtracted([A, box(-5, -5, 40)]) is None


squares = st.builds(box, st.integers(0, 30), st.integers(0, 30), st.integers(2, 20))


@given(squares, squares, squares)
def test_areas_add_up(a: Roi, b: Roi, c: Roi) -> None:
    def area(roi: Roi | None) -> float:
        return 0.0 if roi is None else area_of(roi)

    assert area(united([a, b])) == pytest.approx(
        area_of(a) + area_of(b) - area(intersected([a, b]))
    )
    assert area(subtracted([a, b, c])) <= area(subtracted([a, b])) <= area_of(a)


def test_parts_become_regions_of_their_own() -> None:
    apart = united([A, box(50, 0, 20), box(100, 0, 4)])
    assert apart is not None
    parts = parts_of(apart)
    assert [area_of(roi) for roi in parts] == [400, 100, 16]
    assert parts[0].id == A.id and len({roi.id for roi in parts}) == 3
    assert parts_of(A) == [A]


def test_holes_are_filled_and_outlines_stay() -> None:
    holed = subtracted([box(0, 0, 30), box(10, 10, 5)])
    assert holed is not None
    filled = without_holes(holed)
    assert filled is not None and area_of(filled) == 900
    assert without_holes(A) is A


def test_simplifying_stays_within_the_tolerance() -> None:
    rough = Roi(((ellipse_ring((0, 0), (1000, 700), 3000),),))
    simple = simplified(rough, 1.0)
    assert simple is not None and corner_count(simple) < 200
    assert roi_shape(simple).boundary.hausdorff_distance(roi_shape(rough).boundary) <= 1.02
    assert simplified(A, 1.0) is A  # nothing to leave out


def test_a_copy_is_a_region_of_its_own() -> None:
    given_id = replace(
        A, locked=True, extra={"feature": {"id": "7", "x": 1}, "beyond": [[[[1.0]]]]}
    )
    copy = duplicate(given_id, 3, 4)
    assert copy.id != A.id and copy.bounds == (3, 4, 13, 14) and not copy.locked
    assert copy.kind == "rectangle" and copy.extra == {"feature": {"x": 1}}


def test_a_shift_there_and_back_changes_nothing() -> None:
    oval = Roi(((ellipse_ring((0.25, 0.75), (100, 70)),),), kind="ellipse")
    assert shifted(shifted(oval, 12.34, -5.67), -12.34, 5.67) == oval


def test_regions_that_cross_themselves_can_be_combined() -> None:
    crossed = Roi(((((0, 0), (10, 10), (10, 0), (0, 10)),),), id="c")
    made = united([crossed, box(4, 4, 2)])
    assert made is not None and shapely.is_valid(roi_shape(made))
