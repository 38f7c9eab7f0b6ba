"""Agreement of readers: areas by hand, kappa held against scikit-learn and the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ssmamba.rois.geometry import area_of, polygons_of
from ssmamba.rois.readers import (
    agreement_on,
    classes_of,
    cohen_kappa,
    domain_of,
    fleiss_kappa,
    marked_by,
    merged,
    merged_regions,
    pairs_of,
    reader_of,
)
from ssmamba.rois.roi import MODEL_CLASS, Roi

SIDE = 12  # of the raster on which areas are counted place by place


def box(
    x: float, y: float, width: float, height: float, name: str = "Tumour", **more: object
) -> Roi:
    ring = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Roi(((ring,),), class_name=name, **more)  # type: ignore[arg-type]


def test_two_readers_by_hand() -> None:
    """100 px² each, 50 shared, on a domain of 200: agreement 1/2 where chance gives 1/2."""
    rois = [box(0, 0, 10, 10)], [box(5, 0, 10, 10, " tumour")]
    readers = [reader_of(name, own) for name, own in zip("AB", rois, strict=True)]
    (one,) = classes_of([*rois[0], *rois[1]])
    assert one.name == "Tumour"
    assert domain_of(readers).area == 150
    (pair,) = pairs_of(readers, one, 200.0)
    assert (pair.area_first, pair.area_second, pair.area_both, pair.dice) == (100, 100, 50, 0.5)
    assert pair.kappa == pytest.approx(0)
    found = agreement_on(readers, one, [pair], marked_by([r.area(one.key) for r in readers]), 200.0)
    assert (found.area_union, found.area_majority, found.area_intersection) == (150, 50, 50)


def test_regions_of_one_class_overlap_once_and_holes_are_out() -> None:
    ring = box(0, 0, 10, 10).polygons[0][0]
    hole = box(2, 2, 5, 5).polygons[0][0]
    holed = Roi(((ring, hole),), class_name="Tumour")
    reader = reader_of("A", [holed, box(0, 0, 4, 4), Roi((((((1.0, 1.0),),),)), kind="point")])
    assert reader.area("tumour").area == 100 - 25 + 4  # the square covers 2 x 2 of the hole


def test_what_a_model_called_a_region_is_not_its_readers_class() -> None:
    by_model = box(0, 0, 5, 5, "Fat", metadata={MODEL_CLASS: "Fat"})
    assert [c.name for c in classes_of([by_model, box(0, 0, 1, 1, "")])] == ["Unclassified"]


def test_three_readers_merge_by_majority() -> None:
    rois = [[box(0, 0, 10, 10)], [box(4, 0, 10, 10)], [box(8, 0, 10, 10)]]
    readers = [reader_of(name, own) for name, own in zip("ABC", rois, strict=True)]
    (one,) = classes_of(rois[0])
    marked = marked_by([reader.area(one.key) for reader in readers])
    (piece,) = merged_regions(readers, one, marked, "majority")
    assert area_of(piece) == 100 and piece.bounds == (4, 0, 14, 10)
    assert piece.class_name == "Tumour"
    assert piece.measurements["Readers"] == pytest.approx((60 + 100 + 60) / 100)
    (core,) = merged_regions(readers, one, marked, "intersection")
    assert core.bounds == (8, 0, 10, 10) and core.measurements["Readers"] == 3
    assert merged_regions(readers, one, marked, "union")[0].bounds == (0, 0, 18, 10)


def masks_of(readers: int) -> st.SearchStrategy[list[list[tuple[int, int, int, int]]]]:
    rectangle = st.tuples(*(st.integers(0, SIDE - 1) for _ in range(2)),
                          *(st.integers(1, SIDE) for _ in range(2)))  # fmt: skip
    return st.lists(st.lists(rectangle, max_size=3), min_size=readers, max_size=readers)


def raster(rectangles: list[tuple[int, int, int, int]]) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    for x, y, width, height in rectangles:
        mask[y : y + height, x : x + width] = True
    return mask


def shapes(rectangles: list[tuple[int, int, int, int]]) -> shapely.Geometry:
    whole = shapely.box(0, 0, SIDE, SIDE)
    boxes = [shapely.box(x, y, x + w, y + h) for x, y, w, h in rectangles]
    return shapely.MultiPolygon(polygons_of(shapely.intersection(shapely.union_all(boxes), whole)))


@settings(max_examples=40, deadline=None)
@given(masks_of(2))
def test_cohens_kappa_is_scikit_learns(drawn: list[list[tuple[int, int, int, int]]]) -> None:
    first, second = (raster(r) for r in drawn)
    found = cohen_kappa(first.sum(), second.sum(), (first & second).sum(), SIDE * SIDE)
    if (first.all() and second.all()) or not (first.any() or second.any()):
        assert math.isnan(found)
    else:
        expected = cohen_kappa_score(first.ravel(), second.ravel())
        assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5).flatmap(masks_of))
def test_fleiss_kappa_and_merging_by_counting_places(
    drawn: list[list[tuple[int, int, int, int]]],
) -> None:
    masks = np.stack([raster(r) for r in drawn])
    R, marked = len(masks), masks.sum(0)
    areas = [shapes(r) for r in drawn]
    for how, least in (("union", 1), ("majority", R // 2 + 1), ("intersection", R)):
        assert merged(marked_by(areas), how).area == pytest.approx((marked >= least).sum())  # type: ignore[arg-type]
    pairs = [(masks[i] & masks[j]).sum() for i in range(R) for j in range(i)]
    found = fleiss_kappa([float(m.sum()) for m in masks], pairs, SIDE * SIDE)
    # Fleiss 1971, place by place
    agreed = ((marked**2 + (R - marked) ** 2 - R) / (R * (R - 1))).mean()
    share = marked.mean() / R
    expected = share**2 + (1 - share) ** 2
    if expected == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx((agreed - expected) / (1 - expected), abs=1e-9)


def test_kappa_of_nothing_is_nothing() -> None:
    assert math.isnan(cohen_kappa(0, 0, 0, 10)) and math.isnan(cohen_kappa(10, 10, 10, 10))
    assert cohen_kappa(5, 5, 5, 10) == pytest.approx(1)
    assert cohen_kappa(5, 5, 0, 10) == pytest.approx(-1)
    assert math.isnan(fleiss_kappa([0, 0, 0], [0, 0, 0], 10))
