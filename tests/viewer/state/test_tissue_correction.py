"""What is said of one place last counts."""

import pytest

from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Roi
from tests.viewer.fakes import square
from viewer.state.tissue_correction import Correction


def sizes(correction):
    return tuple(sum(map(area_of, rois)) for rois in (correction.added, correction.removed))


def test_the_later_of_two_says_what_counts():
    found = Correction().leaving_out([square(0, 0, 10)]).counting([square(0, 0, 4)])
    assert sizes(found) == pytest.approx((16, 84))
    assert sizes(found.leaving_out([square(0, 0, 20)])) == pytest.approx((0, 400))
    assert sizes(found.counting([square(0, 0, 10)])) == pytest.approx((100, 0))


def test_saying_it_twice_changes_nothing():
    roi = square(0, 0, 10)
    once = Correction().counting([roi])
    assert once.counting([roi]) == once and once.is_any
    assert Correction().leaving_out([roi]).counting([roi]) == once


def test_areas_elsewhere_stay_as_they_are_and_points_are_none():
    far = square(50, 50, 10)
    found = Correction().counting([far]).leaving_out([square(0, 0, 10)])
    assert found.added == (far,)
    point = Roi((((((3.0, 3.0),),)),), kind="point")
    assert not Correction().counting([point]).is_any
