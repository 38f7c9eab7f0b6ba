"""Maps of windows laid on the slide, and their colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.explain.stitch import (
    COLORMAPS,
    colorize,
    lookup_table,
    map_values,
    resize_map,
    shared_range,
    stitch,
)
from ssmamba.reading.values import CamMap, Window


def cam(values, x=0.0, y=0.0, side=100.0):
    array = np.asarray(values, np.float32)
    return CamMap(Window(x, y, side), array.shape, array.tobytes())


def test_values_survive_the_trip_as_bytes():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(map_values(cam(array)), array)


def test_one_map_covers_its_window():
    found = stitch([cam(np.full((7, 7), 0.3), 40, 60, 224)])
    assert (found.x, found.y, found.width, found.height) == (40, 60, 224, 224)
    np.testing.assert_allclose(found.values, 0.3, atol=1e-6)


def test_windows_that_overlap_are_averaged_there_and_only_there():
    found = stitch([cam(np.full((4, 4), 1.0)), cam(np.full((4, 4), 3.0), x=50.0)], px_per_window=40)
    assert found.values.shape == (40, 60)
    np.testing.assert_allclose(found.values[:, :20], 1.0, atol=1e-6)
    np.testing.assert_allclose(found.values[:, 20:40], 2.0, atol=1e-6)
    np.testing.assert_allclose(found.values[:, 40:], 3.0, atol=1e-6)


def test_where_no_window_lies_there_is_no_value():
    found = stitch([cam(np.ones((2, 2))), cam(np.ones((2, 2)), x=200.0, y=200.0)])
    half = found.values.shape[0] // 2
    assert np.isnan(found.values[: half // 2, -half // 2 :]).all()
    assert found.values[0, 0] == 1.0


def test_cells_that_reach_beyond_the_window_do_not_shift_the_map():
    values = np.zeros((4, 4), np.float32)
    values[2, 1] = 1.0  # of 32 px cells on a window of 112 px
    whole = cam(values, side=112)
    found = stitch([CamMap(whole.window, whole.shape, whole.values, (3.5, 3.5))], 112)
    row, column = np.argwhere(found.values > 0.96).mean(axis=0)
    assert (row, column) == pytest.approx((79.5, 47.5), abs=0.51)


def test_cells_that_fit_are_laid_as_ever():
    values = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    np.testing.assert_array_equal(
        resize_map(values, 28, 30), resize_map(values, 28, 30, (7.0, 7.0))
    )


def test_a_peak_stays_at_its_place():
    values = np.zeros((7, 7), np.float32)
    values[5, 1] = 1.0
    found = stitch([cam(values, 1000, 2000, 224)])
    row, column = np.unravel_index(np.argmax(found.values), found.values.shape)
    scale = found.width / found.values.shape[1]
    assert abs((column + 0.5) * scale - 1.5 * 32) <= scale
    assert abs((row + 0.5) * scale - 5.5 * 32) <= scale


def test_a_large_region_is_capped_to_what_a_screen_shows():
    maps = [cam(np.ones((56, 56)), x=100.0 * i) for i in range(40)]
    assert max(stitch(maps).values.shape) <= 2048


def test_no_maps_are_refused():
    with pytest.raises(ValueError, match="no maps"):
        stitch([])


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 9), columns=st.integers(1, 9),
    out_rows=st.integers(1, 40), out_columns=st.integers(1, 40), seed=st.integers(0, 99),
)  # fmt: skip
def test_resizing_never_invents_a_value(rows, columns, out_rows, out_columns, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    resized = resize_map(values, out_rows, out_columns)
    assert resized.shape == (out_rows, out_columns)
    assert resized.min() >= values.min() - 1e-5
    assert resized.max() <= values.max() + 1e-5


def test_resizing_to_the_same_size_changes_nothing():
    values = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(resize_map(values, 5, 4), values, atol=1e-6)


def test_colours_run_from_low_to_high_and_nan_is_clear():
    table = lookup_table("viridis")
    values = np.array([[-5.0, 0.0, 1.0, 9.0, np.nan]], np.float32)
    rgba = colorize(values, 0.0, 1.0, "viridis")
    assert rgba.shape == (1, 5, 4)
    np.testing.assert_array_equal(rgba[0, [0, 1], :3], table[[0, 0]])
    np.testing.assert_array_equal(rgba[0, [2, 3], :3], table[[255, 255]])
    assert list(rgba[0, :, 3]) == [255, 255, 255, 255, 0]


def test_opacity_can_follow_the_value():
    rgba = colorize(np.array([[0.0, 0.5, 1.0]]), 0.0, 1.0, "gray", "value")
    assert list(rgba[0, :, 3]) == [0, 128, 255]


def test_a_flat_map_has_a_colour_scale_too():
    assert shared_range([cam(np.zeros((2, 2)))]) == (0.0, 1.0)
    assert colorize(np.zeros((2, 2)), 0.0, 0.0)[..., 3].all()


def test_one_scale_is_shared_by_all_maps_and_starts_at_nothing():
    maps = [cam([[-1.0, 0.5]]), cam([[0.2, 2.0]])]
    assert shared_range(maps) == (0.0, 2.0)
    assert shared_range(maps, signed=True) == (-2.0, 2.0)


def test_a_few_bright_cells_leave_the_others_their_colour():
    fine = np.linspace(-1.0, 1.0, 1000).reshape(20, 50)
    fine[3, 4] = 40.0
    low, high = shared_range([cam(fine)])
    assert low == 0.0 and 0.98 < high <= 1.0
    assert shared_range([cam(-fine)], signed=True) == (-high, high)


def test_what_little_is_above_zero_ends_the_scale():
    values = np.full((20, 50), -1.0)
    values[3, 4] = 0.5
    assert shared_range([cam(values)]) == (0.0, 0.5)


@pytest.mark.parametrize("name", COLORMAPS)
def test_colour_maps_are_smooth_tables(name):
    table = lookup_table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    steps = np.abs(np.diff(table.astype(int), axis=0)).max()
    assert steps <= 12  # no visible edge
    assert len(np.unique(table, axis=0)) > 200


@pytest.mark.parametrize("name", ["inferno", "viridis", "magma", "gray"])
def test_perceptual_maps_grow_lighter_all_the_way(name):
    light = lookup_table(name).astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > -1.0).all()
    assert light[-1] > light[0] + 150
