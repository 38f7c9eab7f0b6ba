"""The link of two slides by places that are the same on both."""

from __future__ import annotations

import cmath
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.rois.roi import Roi
from tests.viewer.fakes import square
from viewer.state.slide_link import Pair, Similarity, SlideLink, carried, scale_between

PLACES = ((1000.0, 2000.0), (90_000.0, 3000.0), (40_000.0, 70_000.0))
anywhere = st.floats(-1e5, 1e5)
similarities = st.builds(
    lambda scale, turn, x, y: Similarity(cmath.rect(scale, turn), complex(x, y)),
    st.floats(0.05, 20), st.floats(-3.1, 3.1), anywhere, anywhere,
)  # fmt: skip


def through(to: Similarity, *places: tuple[float, float]) -> SlideLink:
    return SlideLink(tuple(Pair(place, to.at(*place)) for place in places))


@given(similarities, st.integers(2, 3), anywhere, anywhere)
def test_two_pairs_or_more_give_shift_scale_and_turn(
    to: Similarity, count: int, x: float, y: float
) -> None:
    found = through(to, *PLACES[:count]).similarity(scale=7.0)  # which pairs know better
    assert found is not None
    assert math.dist(found.at(x, y), to.at(x, y)) < 1e-6
    assert math.dist(found.inverse.at(*found.at(x, y)), (x, y)) < 1e-6


def test_one_pair_takes_the_scale_from_um_per_px_and_else_goes_pixel_by_pixel() -> None:
    link = SlideLink((Pair((100, 100), (500, 700)),))
    by_mpp = link.similarity(scale_between(0.25, 0.5))
    assert by_mpp is not None and by_mpp.at(140, 100) == (520, 700)
    by_pixel = link.similarity(scale_between(None, 0.5))
    assert by_pixel is not None and by_pixel.at(140, 100) == (540, 700)
    turned = SlideLink(link.pairs, turn=math.pi / 2).similarity(1.0)
    assert turned is not None and turned.at(140, 100) == pytest.approx((500, 740))
    assert SlideLink().similarity(1.0) is None


@given(similarities, anywhere, anywhere)
def test_the_link_reads_the_same_from_the_other_slide(to: Similarity, x: float, y: float) -> None:
    back = through(to, *PLACES).reversed.similarity(None)
    assert back is not None
    assert math.dist(back.at(*to.at(x, y)), (x, y)) < 1e-5


def test_a_pair_that_says_nothing_new_is_not_taken() -> None:
    link = SlideLink().with_pair(Pair((100, 100), (100, 100)), turn=0.5)
    assert link is not None and link.turn == 0.5
    assert link.with_pair(Pair((105, 100), (900, 100))) is None  # too near on the first slide
    assert link.with_pair(Pair((900, 100), (105, 100))) is None  # and on the second
    assert link.with_pair(Pair((130, 100), (90_000, 100))) is None  # an absurd scale
    more = SlideLink(link.pairs, on=False, turn=0.5).with_pair(Pair((900, 100), (900, 100)), 0.9)
    assert more is not None and more.on and len(more.pairs) == 2 and more.turn == 0.5


def test_places_that_disagree_are_measured_and_scales_that_disagree_are_doubted() -> None:
    same = Similarity(1 + 0j, 0j)
    assert through(same, *PLACES).error_px() == pytest.approx(0, abs=1e-6)
    wrong = SlideLink((*through(same, *PLACES[:2]).pairs, Pair(PLACES[2], (40_000, 70_300))))
    assert 50 < wrong.error_px() < 300
    two = through(Similarity(2 + 0j, 0j), *PLACES[:2])
    assert two.doubts(1.0) and not two.doubts(1.9) and not two.doubts(None)
    assert not through(Similarity(2 + 0j, 0j), PLACES[0]).doubts(1.0)


def test_a_region_is_carried_to_its_place() -> None:
    roi = Roi(square(10, 20, 100).polygons, kind="rectangle", name="A", measurements={"x": 1.0})
    there = carried(roi, Similarity(2 + 0j, 5 + 7j))
    assert there.bounds == (25, 47, 225, 247) and there.kind == "rectangle"
    assert there.name == "A" and not there.measurements
    turned = carried(roi, Similarity(cmath.rect(1, 0.3), 0j))
    assert turned.kind == "polygon"
    assert carried(Roi(((((1, 2), (3, 4)),),), kind="ruler"), Similarity(1j, 0j)).kind == "ruler"
