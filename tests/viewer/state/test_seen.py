"""Which parts of a slide count as seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.state.seen import Seen, downsample_of, step_of


def box(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def turned(quad: list[tuple[float, float]], degrees: float) -> list[tuple[float, float]]:
    """The quad, turned about its middle."""
    x, y = np.mean(quad, axis=0)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x + (u - x) * cos - (v - y) * sin, y + (u - x) * sin + (v - y) * cos) for u, v in quad]


def test_what_was_in_view_is_seen_at_that_scale_and_nothing_else() -> None:
    seen = Seen.nothing(10_000, 6_000).with_view([box(2000, 1000, 4000, 3000)], 2.0)
    assert seen.at(3000, 2000) == seen.at(2030, 1030) == seen.at(3970, 2970) == 2.0
    assert seen.at(1990, 2000) is seen.at(3000, 3020) is seen.at(9000, 5000) is None
    assert seen.at(-1, 5) is seen.at(20_000, 5) is None


def test_a_nearer_look_counts_and_a_farther_one_takes_nothing_back() -> None:
    seen = Seen.nothing(10_000, 6_000).with_view([box(2000, 1000, 4000, 3000)], 1.0)
    seen = seen.with_view([box(0, 0, 5000, 5000)], 8.0)
    assert (seen.at(3000, 2000), seen.at(1000, 1000)) == (1.0, 8.0)
    assert seen.with_view([box(0, 0, 5000, 5000)], 8.0) is seen


def test_a_cell_that_was_in_view_only_in_part_is_not_seen() -> None:
    nothing = Seen.nothing(51_200, 51_200)
    assert nothing.cell == 100
    assert not nothing.with_view([box(1010, 1010, 1190, 1190)], 1.0).is_any
    seen = nothing.with_view([box(1000, 1000, 1201, 1201)], 1.0)
    assert np.count_nonzero(seen.steps) == 4


def test_at_the_edge_of_the_slide_its_last_bit_is_enough() -> None:
    seen = Seen.nothing(51_250, 1_030).with_view([box(50_000, 0, 51_250, 1_030)], 1.0)
    assert seen.at(51_249, 1_029) == 1.0


def test_what_left_the_view_meanwhile_was_not_seen() -> None:
    quads = [box(0, 0, 4000, 4000), box(2000, 0, 6000, 4000)]
    seen = Seen.nothing(10_000, 6_000).with_view(quads, 1.0)
    assert seen.at(3000, 2000) == 1.0
    assert seen.at(1000, 2000) is seen.at(5000, 2000) is None


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_view_sees_a_turned_part(mirrored: bool) -> None:
    quad = turned(box(3000, 2000, 5000, 4000), 45)
    seen = Seen.nothing(10_000, 6_000).with_view([quad[::-1] if mirrored else quad], 1.0)
    assert seen.at(4000, 3000) == seen.at(4000, 3000 - 1300) == 1.0
    assert seen.at(3050, 2050) is None  # a corner of the part before it was turned


def test_two_windows_join_what_they_saw() -> None:
    nothing = Seen.nothing(10_000, 6_000)
    one = nothing.with_view([box(0, 0, 1000, 1000)], 4.0)
    other = nothing.with_view([box(500, 0, 2000, 1000)], 2.0)
    joined = one.joined(other)
    assert [joined.at(x, 500) for x in (100, 900, 1900)] == [4.0, 2.0, 2.0]
    assert joined.joined(one) is joined
    assert one.fits(other) and not one.fits(Seen.nothing(10_000, 6_001))


@settings(max_examples=100, deadline=None)
@given(st.floats(1 / 64, 20_000))
def test_no_scale_is_said_to_be_much_nearer_than_it_was(downsample: float) -> None:
    assert downsample_of(step_of(downsample)) >= downsample / 2**0.06


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300_000), st.integers(1, 300_000))
def test_every_slide_has_a_grid(width: int, height: int) -> None:
    seen = Seen.nothing(width, height)
    assert max(seen.steps.shape) <= 512
    whole = seen.with_view([box(-1, -1, width + 1, height + 1)], 1.0)
    assert whole.steps.all() and not seen.is_any
