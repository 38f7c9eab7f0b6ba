"""Windows cover a region as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ssmamba.errors import RoiError
from ssmamba.reading.values import Window
from ssmamba.reading.windows import window_around, windows_tiles
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.roi import Ring, Roi


def square(x: float, y: float, width: float, height: float) -> Roi:
    return Roi(((((x, y), (x + width, y), (x + width, y + height), (x, y + height)),),))


def test_the_whole_window_is_square_and_centred() -> None:
    assert window_around(square(100, 200, 50, 30)) == Window(100, 190, 50)


def test_a_region_of_one_window_is_one_window() -> None:
    assert windows_tiles(square(10, 20, 224, 224), 224).tolist() == [[10, 20, 224]]


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1000), st.floats(0, 1000), st.floats(1, 900), st.floats(1, 900), st.floats(20, 400)
)
def test_windows_are_half_inside_or_the_best_there_are(
    x: float, y: float, width: float, height: float, side: float
) -> None:
    windows = windows_tiles(square(x, y, width, height), side)
    assert len(windows)
    inside = []
    for left, top, _ in windows:
        across = max(0.0, min(left + side, x + width) - max(left, x))
        down = max(0.0, min(top + side, y + height) - max(top, y))
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


def one_by_one(roi: Roi, side: float, overlap: float) -> list[list[float]]:
    """The plain way: every window of the bounding box, each laid on the whole region."""
    left, top, right, bottom = roi.bounds
    step = side * (1 - overlap)
    columns = 1 + max(0, math.ceil((right - left - side) / step - 1e-6))
    rows = 1 + max(0, math.ceil((bottom - top - side) / step - 1e-6))
    x0 = (left + right - side - (columns - 1) * step) / 2
    y0 = (top + bottom - side - (rows - 1) * step) / 2
    corners = [(x0 + c * step, y0 + r * step) for r in range(rows) for c in range(columns)]
    boxes = [shapely.box(x, y, x + side, y + side) for x, y in corners]
    shares = shapely.area(shapely.intersection(boxes, roi_shape(roi))) / shapely.area(boxes)
    best = shares.max()
    kept = shares >= 0.5 if best >= 0.5 else shares > 0.5 * best
    return [[x, y, side] for (x, y), inside in zip(corners, kept, strict=True) if inside]


def scribble(seed: int) -> Roi:
    """Parts with holes that may cross each other and themselves, some on whole pixels."""
    draw = np.random.default_rng(seed)

    def ring() -> Ring:
        points = draw.uniform(0, 600, (draw.integers(3, 10), 2))
        return tuple(map(tuple, (points.round() if seed % 2 else points).tolist()))

    return Roi(tuple(tuple(ring() for _ in range(draw.integers(1, 4)))
                     for _ in range(draw.integers(1, 4))))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from([50.0, 64.0, 137.5, 300.0]),
    st.sampled_from([0, 0.25, 0.5]),
)
def test_the_windows_are_those_of_looking_at_each_in_the_same_order(
    seed: int, side: float, overlap: float
) -> None:
    roi = scribble(seed)
    assume(roi_shape(roi).area > 1.0)  # holes may cover all of it
    assert windows_tiles(roi, side, overlap).tolist() == one_by_one(roi, side, overlap)


@pytest.mark.parametrize("width", [3.0, 40.0, 149.0])
def test_a_region_too_thin_for_any_window_gets_those_that_overlap_it_best(width: float) -> None:
    strip = Roi(((((0, 0), (width, 0), (3000, 2000 - width), (3000, 2000)),),))
    windows = windows_tiles(strip, 150)
    assert len(windows) >= 15
    assert windows.tolist() == one_by_one(strip, 150, 0)


def test_a_hole_of_many_windows_is_left_out() -> None:
    frame = square(0, 0, 10_000, 10_000).polygons[0] + square(2000, 2000, 6000, 6000).polygons[0]
    windows = windows_tiles(Roi((frame,)), 100)
    assert len(windows) == 100 * 100 - 60 * 60
    x, y = windows[:, 0], windows[:, 1]
    assert not ((x >= 2000) & (x < 8000) & (y >= 2000) & (y < 8000)).any()


def test_parts_that_lie_far_apart_cost_nothing_between_them() -> None:
    """Their bounding box would hold 10¹⁰ windows."""
    far = Roi(square(0, 0, 100, 100).polygons + square(1e6 - 100, 1e6 - 100, 100, 100).polygons)
    windows = windows_tiles(far, 10)
    assert len(windows) == 200
    assert windows[:100].max() < 100 and windows[100:, :2].min() >= 1e6 - 100


def test_a_region_without_an_area_is_refused() -> None:
    with pytest.raises(RoiError, match=r"empty; draw"):
        windows_tiles(Roi(()), 224)
    with pytest.raises(RoiError, match="no area; draw"):
        windows_tiles(Roi((((((0.0, 0.0), (300.0, 0.0))),),), kind="line"), 100)
    with pytest.raises(RoiError, match="not numbers"):
        window_around(square(0, 0, float("inf"), 5))


def test_a_point_has_a_window_around_it() -> None:
    point = Roi((((((50.0, 60.0)),),),), kind="point")
    window = window_around(point, min_side=224)
    assert (window.x + 112, window.y + 112) == (50, 60)


def star(vertices: int, radius: float, seed: int = 0) -> Roi:
    """A jagged outline around (1.25 radius, 1.25 radius)."""
    draw = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    far = radius * draw.uniform(0.8, 1.0, vertices)
    x, y = 1.25 * radius + far * np.cos(angles), 1.25 * radius + far * np.sin(angles)
    return Roi((((tuple(zip(x.tolist(), y.tolist(), strict=True))),),))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("side", "overlap"), [(50.0, 0.0), (137.5, 0.25)])
def test_an_outline_of_many_vertices_has_the_same_windows(
    seed: int, side: float, overlap: float
) -> None:
    roi = star(600, 1000, seed)
    assert windows_tiles(roi, side, overlap).tolist() == one_by_one(roi, side, overlap)


def test_a_clip_that_loses_area_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = shapely.clip_by_rect
    monkeypatch.setattr(shapely, "clip_by_rect", lambda shape, *box: clip(shape, *box).buffer(-1))
    roi = star(600, 1000)
    assert windows_tiles(roi, 100).tolist() == one_by_one(roi, 100, 0)


def test_few_vertices_of_a_large_outline_are_looked_at_in_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An overlay of all of it takes a second; there were thousands."""
    looked = 0
    overlay = shapely.intersection

    def counting(shapes: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        nonlocal looked
        looked += shapely.get_num_coordinates(shapes).sum()
        return overlay(shapes, boxes)

    roi = star(20_000, 20_000)
    monkeypatch.setattr(shapely, "intersection", counting)
    assert len(windows_tiles(roi, 448)) > 4000
    assert looked < 20 * 20_000


def test_choosing_windows_can_be_stopped() -> None:
    steps = 0

    def stop() -> None:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        windows_tiles(star(2000, 5000), 100, check=stop)
    assert steps == 5
