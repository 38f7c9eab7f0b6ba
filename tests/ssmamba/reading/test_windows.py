"""Windows cover a region as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from ssmamba.errors import RoiError
from ssmamba.reading.leftovers import READ_ENOUGH
from ssmamba.reading.values import Window
from ssmamba.reading.windows import Cover, window_around, windows_tiles
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.roi import Ring, Roi


def square(x: float, y: float, width: float, height: float) -> Roi:
    return Roi(((((x, y), (x + width, y), (x + width, y + height), (x, y + height)),),))


def test_the_whole_window_is_square_and_centred() -> None:
    assert window_around(square(100, 200, 50, 30)) == Window(100, 190, 50)


def test_a_region_of_one_window_is_one_window() -> None:
    cover = windows_tiles(square(10, 20, 224, 224), 224)
    assert cover.windows.tolist() == [[10, 20, 224]]
    assert cover.areas.tolist() == [224**2]
    assert cover.share == 1


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1000), st.floats(0, 1000), st.floats(1, 900), st.floats(1, 900), st.floats(20, 400)
)
def test_all_of_a_rectangle_is_read(
    x: float, y: float, width: float, height: float, side: float
) -> None:
    roi = square(x, y, width, height)
    cover = windows_tiles(roi, side)
    assert seen_share(roi, cover) >= READ_ENOUGH - 1e-6
    assert cover.share == pytest.approx(cover.areas.sum() / (width * height))
    assert len(cover.windows) <= math.ceil(width / side + 1e-6) * math.ceil(height / side + 1e-6)


def test_what_a_grid_leaves_of_an_odd_shape_is_read_too() -> None:
    corner = Roi((((((0, 0), (400, 0), (0, 400))),),))
    cover = windows_tiles(corner, 100)
    assert len(cover.windows) == 10  # the six below the diagonal, and four halves on it
    assert sorted(cover.areas.tolist()) == [5000.0] * 4 + [10000.0] * 6


def one_by_one(roi: Roi, side: float) -> list[list[float]]:
    """The plain way to a grid: every window of the bounding box, laid on the whole region."""
    left, top, right, bottom = roi.bounds
    columns = 1 + max(0, math.ceil((right - left - side) / side - 1e-6))
    rows = 1 + max(0, math.ceil((bottom - top - side) / side - 1e-6))
    x0 = (left + right - columns * side) / 2
    y0 = (top + bottom - rows * side) / 2
    corners = [(x0 + c * side, y0 + r * side) for r in range(rows) for c in range(columns)]
    boxes = [shapely.box(x, y, x + side, y + side) for x, y in corners]
    shares = shapely.area(shapely.intersection(boxes, roi_shape(roi))) / shapely.area(boxes)
    return [[x, y, side] for (x, y), s in zip(corners, shares, strict=True) if s >= 0.5]


def boxes_of(windows: np.ndarray) -> np.ndarray:
    x, y, side = windows.T
    return shapely.box(x, y, x + side, y + side)


def seen_share(roi: Roi, cover: Cover) -> float:
    """Share of a region that lies in any window, the plain way."""
    shape = roi_shape(roi)
    return float(shapely.union_all(boxes_of(cover.windows)).intersection(shape).area / shape.area)


def assert_covers(roi: Roi, side: float) -> Cover:
    """The grid's windows come first; each stands for no more than it holds; nothing is missed."""
    cover = windows_tiles(roi, side)
    shape = roi_shape(roi)
    assert cover.area == pytest.approx(shape.area, rel=1e-6)
    assert_moved_inwards(cover, np.reshape(one_by_one(roi, side), (-1, 3)), shape)
    held = shapely.area(shapely.intersection(boxes_of(cover.windows), shape))
    assert (cover.areas <= held + 1e-4 * side**2).all()
    assert cover.share >= READ_ENOUGH - 1e-6
    assert seen_share(roi, cover) >= cover.share - 1e-4
    return cover


def assert_moved_inwards(cover: Cover, grid: np.ndarray, shape: BaseGeometry) -> None:
    """Windows of full cells stand still; the others show their cell's part, and no less tissue."""
    windows, side = cover.windows[: len(grid)], cover.windows[0, 2]
    own = shapely.intersection(boxes_of(grid), shape)
    held = shapely.intersection(boxes_of(windows), shape)
    full = shapely.area(own) > (1 - 1e-5) * side**2
    np.testing.assert_allclose(windows[full], grid[full], atol=1e-6)
    assert (abs(windows - grid) < side).all()
    missing = shapely.area(shapely.difference(own, boxes_of(windows)))
    assert (missing < 1e-4 * side**2).all()
    assert (shapely.area(held) >= shapely.area(own) - 1e-4 * side**2).all()


def scribble(seed: int) -> Roi:
    """Parts with holes that may cross each other and themselves, some on whole pixels."""
    draw = np.random.default_rng(seed)

    def ring() -> Ring:
        points = draw.uniform(0, 600, (draw.integers(3, 10), 2))
        return tuple(map(tuple, (points.round() if seed % 2 else points).tolist()))

    return Roi(tuple(tuple(ring() for _ in range(draw.integers(1, 4)))
                     for _ in range(draw.integers(1, 4))))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([50.0, 64.0, 137.5, 300.0]))
def test_any_scribble_is_read_and_no_part_of_it_counts_twice(seed: int, side: float) -> None:
    roi = scribble(seed)
    assume(roi_shape(roi).area > 1.0)  # holes may cover all of it
    assert_covers(roi, side)


@pytest.mark.parametrize("width", [3.0, 40.0, 100.0, 149.0])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_a_strip_thinner_than_a_window_is_read_along_its_length(width: float, slope: float) -> None:
    end = slope * 3000
    strip = Roi(((((0, 0), (3000, end), (3000, end + width), (0, width)),),))
    cover = assert_covers(strip, 150)
    assert 20 <= len(cover.windows) <= 60


def test_a_strip_with_a_thick_end_is_read_to_its_thin_end() -> None:
    strip = Roi((*square(0, 450, 4000, 100).polygons, *square(4000, 0, 1000, 1000).polygons))
    cover = assert_covers(strip, 224)
    assert cover.windows[:, 0].min() < 0.5  # the grid alone begins at the thick end
    assert len(cover.windows) < 50


def ring_of(outer: float, inner: float) -> Roi:
    angles = np.linspace(0, 2 * np.pi, 181)[:-1]
    circle = [(2000 + np.cos(a), 2000 + np.sin(a)) for a in angles]
    rings = [tuple((float(2000 + r * (x - 2000)), float(2000 + r * (y - 2000))) for x, y in circle)
             for r in (outer, inner)]  # fmt: skip
    return Roi((tuple(rings),))


def test_a_ring_thinner_than_a_window_is_read_all_around() -> None:
    cover = assert_covers(ring_of(1600, 1540), 224)
    assert cover.share == pytest.approx(1)
    assert len(cover.windows) < 75


def test_the_outline_of_a_wide_ring_costs_few_windows_more_than_its_area() -> None:
    cover = assert_covers(ring_of(1600, 1100), 224)
    assert len(cover.windows) < 1.4 * cover.area / 224**2


def test_small_parts_beside_a_large_one_each_get_a_window_centred_on_them() -> None:
    """They lie anywhere, and each is less than half a window; once they were dropped."""
    draw = np.random.default_rng(0)
    corners = [(300.0 * (n % 6) + draw.uniform(0, 90), 400 + 300.0 * (n // 6)) for n in range(18)]
    small = [square(x, y, 150, 150).polygons[0] for x, y in corners]
    roi = Roi((*square(0, 0, 224, 224).polygons, *small))
    cover = assert_covers(roi, 224)
    assert cover.share == pytest.approx(1)
    centres = (cover.windows[:, :2] + 112).round(3).tolist()
    assert all([round(x + 75, 3), round(y + 75, 3)] in centres for x, y in corners)


def test_islands_near_each_other_share_a_window() -> None:
    islands = [square(5000 * g + 30 * c, 30 * r, 12, 12).polygons[0]
               for g in range(3) for c in range(7) for r in range(7)]  # fmt: skip
    cover = assert_covers(Roi(tuple(islands)), 224)
    assert len(cover.windows) == 3


def test_a_sliver_is_seen_with_the_tissue_beside_it() -> None:
    """A disc's outline cuts cells to slivers; centred on them, a window would be half outside."""
    roi = Roi((ring_of(1000, 10).polygons[0][:1],))
    cover = assert_covers(roi, 224)
    grid = len(one_by_one(roi, 224))
    slivers = boxes_of(cover.windows[grid:])
    inside = shapely.area(shapely.intersection(slivers, roi_shape(roi))) / 224**2
    assert len(slivers) > 5
    assert inside.min() > 0.5


def test_windows_at_the_outline_of_a_strip_are_moved_inwards() -> None:
    """As a core of tissue: half a window wider than one, both rows would be a third of glass."""
    core = square(1000, 150, 5000, 300)
    cover = windows_tiles(core, 224)
    held = shapely.area(shapely.intersection(boxes_of(cover.windows), roi_shape(core)))
    assert held == pytest.approx(224**2)
    assert sorted({y for _, y, _ in cover.windows.round(3).tolist()}) == [150, 226]
    assert cover.share == pytest.approx(1)


@pytest.mark.parametrize("turn", [0.1, 0.5, 1.2])
def test_windows_of_a_slanting_strip_hold_more_of_it_than_its_cells(turn: float) -> None:
    along, across = np.array([math.cos(turn), math.sin(turn)]), [-math.sin(turn), math.cos(turn)]
    corners = [along * 4000 * a + np.array(across) * 500 * b
               for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]  # fmt: skip
    roi = Roi((((tuple(tuple(c) for c in np.array(corners).tolist())),),))
    cover = assert_covers(roi, 224)
    grid = np.array(one_by_one(roi, 224))

    def shown(windows: np.ndarray) -> float:
        return float(np.mean(shapely.area(shapely.intersection(boxes_of(windows), roi_shape(roi)))))

    assert shown(cover.windows[: len(grid)]) > shown(grid)


def test_a_hole_of_many_windows_is_left_out() -> None:
    frame = square(0, 0, 10_000, 10_000).polygons[0] + square(2000, 2000, 6000, 6000).polygons[0]
    windows = windows_tiles(Roi((frame,)), 100).windows
    assert len(windows) == 100 * 100 - 60 * 60
    x, y = windows[:, 0], windows[:, 1]
    assert not ((x >= 2000) & (x < 8000) & (y >= 2000) & (y < 8000)).any()


def test_parts_that_lie_far_apart_cost_nothing_between_them() -> None:
    """Their bounding box would hold 10¹⁰ windows."""
    far = Roi(square(0, 0, 100, 100).polygons + square(1e6 - 100, 1e6 - 100, 100, 100).polygons)
    windows = windows_tiles(far, 10).windows
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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", [50.0, 137.5])
def test_an_outline_of_many_vertices_is_read_like_any_other(seed: int, side: float) -> None:
    assert_covers(star(600, 1000, seed), side)


def test_a_clip_that_loses_area_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = shapely.clip_by_rect
    monkeypatch.setattr(shapely, "clip_by_rect", lambda shape, *box: clip(shape, *box).buffer(-1))
    assert_covers(star(600, 1000), 100)


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

    roi = star(20_000, 10_000)
    monkeypatch.setattr(shapely, "intersection", counting)
    assert len(windows_tiles(roi, 448).windows) > 1000
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
