"""Display levels: about a factor of two apart, aligned with the file's tiles, nothing left out."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.slides.slide import Level
from viewer.tiles.pyramid import Pyramid, TileKey, tile_side


def file_levels(width: int, height: int, steps: list[float], tile: int) -> tuple[Level, ...]:
    levels, down = [], 1.0
    for step in [1.0, *steps]:
        down *= step
        levels.append(
            Level(max(1, int(width / down)), max(1, int(height / down)), down, tile, tile)
        )
    return tuple(levels)


SLIDES = st.builds(
    file_levels,
    st.integers(1, 120_000),
    st.integers(1, 90_000),
    st.lists(st.sampled_from([2.0, 2.0005, 4.0, 4.0017, 8.0]), max_size=4),
    st.sampled_from([128, 240, 256, 512, 1024]),
)


@settings(max_examples=60, deadline=None)
@given(SLIDES)
def test_no_gap_is_wide_enough_to_alias(levels: tuple[Level, ...]) -> None:
    pyramid = Pyramid(levels)
    downs = [lv.downsample for lv in pyramid.levels]
    assert downs == sorted(downs)
    assert all(b / a <= 2.9 for a, b in itertools.pairwise(downs))
    last = pyramid.levels[-1]
    assert last.columns * last.rows == 1  # the overview is one tile
    assert [lv.file_level for lv in pyramid.levels if lv.file_level is not None] == list(
        range(len(levels))
    )


@settings(max_examples=60, deadline=None)
@given(SLIDES, st.floats(0.02, 500))
def test_the_chosen_level_is_sharp_and_not_wasteful(
    levels: tuple[Level, ...], downsample: float
) -> None:
    pyramid = Pyramid(levels)
    index = pyramid.level_for(downsample)
    down = pyramid.levels[index].downsample
    assert down <= downsample * 1.005 or index == 0
    if index < pyramid.coarsest:
        assert pyramid.levels[index + 1].downsample > downsample / 1.11


def test_at_its_own_size_a_level_is_painted_pixel_by_pixel() -> None:
    pyramid = Pyramid(file_levels(8000, 6000, [2.0005, 2.0], 256))
    assert [pyramid.level_for(d) for d in (1.0, 2.0, 2.1, 2.3, 4.001)] == [0, 1, 0, 1, 2]


@settings(max_examples=100, deadline=None)
@given(SLIDES, st.data())
def test_the_tiles_of_a_view_cover_it(levels: tuple[Level, ...], data: st.DataObject) -> None:
    pyramid = Pyramid(levels)
    index = data.draw(st.integers(0, pyramid.coarsest))
    level = pyramid.levels[index]
    x = data.draw(st.floats(0, max(0.0, level.width - 1.0))) * level.downsample
    y = data.draw(st.floats(0, max(0.0, level.height - 1.0))) * level.downsample
    side = level.downsample * level.tile_width * 1.5
    keys = pyramid.tiles_in(index, (x, y, x + side, y + side), False)
    assert len(set(keys)) == len(keys)
    assert len(keys) <= 9
    hit = [k for k in keys if _holds(pyramid.rect_of(k), x, y)]
    assert len(hit) >= 1
    distances = [_off_middle(k, keys) for k in keys]
    assert distances == sorted(distances)  # the middle of the view comes first


def _holds(rect: tuple[float, ...], x: float, y: float) -> bool:
    slack = 1e-6 * (1 + abs(x) + abs(y))
    return rect[0] - slack <= x <= rect[2] + slack and rect[1] - slack <= y <= rect[3] + slack


def _off_middle(key: TileKey, keys: list[TileKey]) -> float:
    columns, rows = [k.column for k in keys], [k.row for k in keys]
    mid_column = (min(columns) + max(columns)) / 2
    mid_row = (min(rows) + max(rows)) / 2
    return round(math.hypot(key.column - mid_column, key.row - mid_row), 9)


def test_a_half_level_is_made_of_the_four_tiles_below() -> None:
    pyramid = Pyramid(file_levels(2220, 2967, [], 240))
    below = list(pyramid.children(TileKey(1, 2, 3, False)))
    assert pyramid.levels[0].columns == 5
    assert [(k.level, k.column, k.row) for k in below] == [(0, 4, 6)]  # at the far corner: one
    assert pyramid.file_cost(TileKey(2, 0, 0, False)) == 16
    assert pyramid.file_cost(TileKey(0, 0, 0, False)) == 1


@pytest.mark.parametrize(
    ("native", "shown"), [(240, 480), (256, 512), (512, 512), (1024, 512), (128, 512), (0, 512)]
)
def test_tiles_fall_on_the_files_own_grid(native: int, shown: int) -> None:
    assert tile_side(native) == shown


def test_a_thin_slide_has_all_its_tiles() -> None:
    pyramid = Pyramid(file_levels(100_000, 3, [], 256))
    assert len(pyramid.tiles_in(0, pyramid.full_rect, False)) == 196
