"""Maps of tiles: which tile lies where, which are shown, in which colours."""

import numpy as np
import pytest

from viewer.state.tile_map import TileMap, TileMaps, span


def grid(columns: int, rows: int, side: float, x: float = 0, y: float = 0) -> np.ndarray:
    at = np.indices((rows, columns)).reshape(2, -1).T[:, ::-1] * side + np.array([x, y], float)
    return np.column_stack([at, np.full(len(at), side)])


def shown(windows: np.ndarray, **columns) -> TileMaps:
    maps = TileMaps()
    maps.show(TileMap("m.csv", windows, {k: np.array(v, float) for k, v in columns.items()}))
    return maps


@pytest.mark.parametrize("offset", [0.0, 100.0, 33.3, 112.0])
def test_a_tile_is_found_at_each_place_of_it(offset):
    """Also where some tiles are off the grid of the others, as contours start them."""
    windows = grid(5, 4, 224, 50, 70)
    windows[10:, 0] += offset
    maps = shown(windows, p=np.arange(20))
    rng = np.random.default_rng(0)
    margin = 224 / 4 + 1
    for number in rng.integers(0, 20, 10):
        x, y, side = windows[number]
        at = np.array([x, y]) + rng.uniform(margin, side - margin, 2)
        assert maps.value_at(*at) == number
    assert maps.value_at(0, 0) is None
    assert maps.value_at(1e6, 1e6) is None


def test_a_map_of_a_large_slide_stays_small():
    maps = shown(grid(2000, 1600, 50), p=np.zeros(2000 * 1600))
    assert maps.map.raster.tiles.size <= 4_100_000
    far = np.concatenate([grid(1, 1, 10), grid(1, 1, 10, 1e6, 8e5)])
    assert shown(far, p=[0, 1]).map.raster.tiles.size <= 4_100_000


def test_shares_have_the_colours_of_0_to_1_and_others_their_own():
    assert span(np.array([0.2, 0.9, np.nan])) == (0, 1)
    assert span(np.array([-3.0, 7.0])) == (-3, 7)
    assert span(np.array([np.nan])) == (0, 1)


def test_tiles_without_a_value_or_below_the_threshold_are_not_shown():
    maps = shown(grid(4, 1, 10), p=[0.1, np.nan, 0.5, 0.9])
    assert maps.colours()[0].tolist() == [
        1 + round(0.1 * 255),
        0,
        1 + round(0.5 * 255),
        1 + round(0.9 * 255),
    ]
    maps.set_look(threshold=0.5)
    assert maps.shown.tolist() == [False, False, True, True]
    assert (maps.colours()[0] > 0).tolist() == [False, False, True, True]


def test_another_column_forgets_the_threshold_of_the_first():
    maps = shown(grid(2, 1, 10), a=[0.1, 0.9], b=[-5, 5])
    heard = []
    maps.changed.connect(lambda: heard.append(maps.look.column))
    maps.set_look(threshold=0.5)
    maps.choose("b")
    assert maps.look.threshold is None and (maps.look.low, maps.look.high) == (-5, 5)
    assert heard == ["a", "b"]
    maps.close()
    assert maps.value_at(1, 1) is None
