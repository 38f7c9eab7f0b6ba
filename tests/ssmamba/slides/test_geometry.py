"""The factor of a level is found from its sides, whatever rounding and padding did to them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.slides.geometry import shrinkage
from ssmamba.slides.slide import Slide
from tests.slides import write_pyramid

SIDE = st.integers(300, 150_000)
ROUNDINGS = st.sampled_from([math.floor, math.ceil, round])


@given(SIDE, SIDE, st.sampled_from([2, 2.5, 3, 4, 8, 10, 16, 64]), ROUNDINGS)
def test_a_place_is_found_to_within_a_pixel_of_the_level(width, height, factor, rounding) -> None:
    level = max(1, rounding(width / factor)), max(1, rounding(height / factor))
    found = shrinkage((width, height), level)
    assert found is not None and not found.is_padded
    for side in (width, height):
        assert abs(side / found.downsample - side / factor) <= 1


@given(SIDE, SIDE, st.sampled_from([2, 4, 8, 16, 32, 64]), st.sampled_from([128, 256, 512, 1024]))
def test_a_level_of_whole_tiles_is_padded_or_left_out(width, height, factor, tile) -> None:
    level = tuple(math.ceil(math.ceil(side / factor) / tile) * tile for side in (width, height))
    found = shrinkage((width, height), level, (tile, tile), told=factor)
    if level[0] >= width and level[1] >= height:
        assert found is None
    else:
        assert found is not None
        shown = found.size((width, height), level)
        for side, part in zip((width, height), shown, strict=True):
            assert abs(side / found.downsample - side / factor) <= 1
            assert abs(part - side / factor) <= 1
    untold = shrinkage((width, height), level, (tile, tile))
    if untold is not None and untold.is_padded:
        assert untold.downsample == factor


def test_a_level_of_another_shape_is_none() -> None:
    assert shrinkage((1000, 700), (500, 500)) is None
    assert shrinkage((1000, 700), (1000, 700)) is None
    assert shrinkage((1000, 700), (512, 768), (256, 256)) is None


@pytest.mark.parametrize("size", [(6000, 61), (61, 6000)])
def test_a_thin_slide_has_its_places_at_low_zoom(tmp_path: Path, size: tuple[int, int]) -> None:
    """61 px become 7 at 1/8: the average of both sides' ratios would be 4 % off."""
    picture = np.full((size[1], size[0], 3), 245, np.uint8)
    along = (slice(5600, 5800),) if size[1] > size[0] else (slice(None), slice(5600, 5800))
    picture[along] = (120, 60, 160)
    path = tmp_path / "thin.tif"
    write_pyramid(path, *size, levels=4, picture=picture)
    with Slide.open(path) as slide:
        assert [level.downsample for level in slide.levels] == [1, 2, 4, 8]
        for number, level in enumerate(slide.levels):
            shown = slide.read_region(0, 0, number, level.width, level.height)
            dark = np.flatnonzero(shown.min(axis=(0 if size[0] > size[1] else 1, 2)) < 100)
            step = level.downsample
            assert abs(dark[0] * step - 5600) <= step and abs((dark[-1] + 1) * step - 5800) <= step
            part = slide.read_region(*((5600, 0) if size[0] > size[1] else (0, 5600)), number, 2, 2)
            assert (part[:2, :2] == (120, 60, 160)).all()
