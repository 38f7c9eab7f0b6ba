"""Windows cover a region as promised."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.errors import RoiError
from ssmamba.reading.windows import windows_tiles, windows_whole
from ssmamba.rois.roi import Roi


def square(x: float, y: float, width: float, height: float) -> Roi:
    return Roi(((((x, y), (x + width, y), (x + width, y + height), (x, y + height)),),))


def test_the_whole_window_is_square_and_centred() -> None:
    (window,) = windows_whole(square(100, 200, 50, 30))
    assert (window.x, window.y, window.side) == (100, 190, 50)


def test_a_region_of_one_window_is_one_window() -> None:
    (window,) = windows_tiles(square(10, 20, 224, 224), 224)
    assert (window.x, window.y, window.side) == (10, 20, 224)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1000), st.floats(0, 1000), st.floats(1, 900), st.floats(1, 900), st.floats(20, 400)
)
def test_windows_are_half_inside_or_the_best_there_are(
    x: float, y: float, width: float, height: float, side: float
) -> None:
    windows = windows_tiles(square(x, y, width, height), side)
    assert windows
    inside = []
    for w in windows:
        across = max(0.0, min(w.x + side, x + width) - max(w.x, x))
        down = max(0.0, min(w.y + side, y + height) - max(w.y, y))
        inside.append(across * down / side**2)
    assert min(inside) > 0
    if max(inside) >= 0.5:
        assert min(inside) >= 0.5 - 1e-9


def test_windows_that_only_touch_an_odd_shape_are_left_out() -> None:
    corner = Roi((((((0, 0), (400, 0), (0, 400))),),))
    windows = windows_tiles(corner, 100)
    assert len(windows) == 10  # the six below the diagonal, and four halves on it


def test_overlap_brings_the_windows_closer() -> None:
    apart = windows_tiles(square(0, 0, 400, 100), 100)
    close = windows_tiles(square(0, 0, 400, 100), 100, overlap=0.5)
    assert len(apart) == 4
    assert len(close) == 7


def test_an_empty_or_absurd_region_is_refused() -> None:
    with pytest.raises(RoiError, match="empty"):
        windows_tiles(Roi(()), 224)
    with pytest.raises(RoiError, match="larger field width"):
        windows_tiles(square(0, 0, 100_000, 100_000), 20)
    with pytest.raises(RoiError, match="not numbers"):
        windows_whole(square(0, 0, float("inf"), 5))


def test_lines_and_points_have_windows_too() -> None:
    line = Roi((((((0.0, 0.0), (300.0, 0.0))),),), kind="line")
    assert len(windows_tiles(line, 100)) >= 3
    point = Roi((((((50.0, 60.0)),),),), kind="point")
    (window,) = windows_whole(point, min_side=224)
    assert (window.x + 112, window.y + 112) == (50, 60)
