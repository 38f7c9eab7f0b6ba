"""The pixels around a region are the slide's own, in their place, at any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.rois.roi import Roi
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from tests.slides import swapped_profile, write_pyramid
from tests.viewer.fakes import square
from viewer.exporting import tissue
from viewer.exporting.facts import RegionFacts
from viewer.exporting.region_picture import fitted, picture_of
from viewer.exporting.tissue import frame_around, read_rect
from viewer.tiles.reader import pixels


def rgb(image: object) -> np.ndarray:
    return pixels(image)[..., 2::-1].astype(int)


@pytest.fixture
def level0(slide_file: Path) -> np.ndarray:
    return write_pyramid(slide_file).astype(int)


def test_a_rectangle_at_full_size_is_the_slide_itself(
    slide_file: Path, level0: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tissue, "SMOOTH_FROM_PX", 1)
    with Slide.open(slide_file) as slide:
        image = read_rect(slide, (100, 50, 500, 250), 400)
    assert (image.width(), image.height()) == (400, 200)
    assert np.array_equal(rgb(image), level0[50:250, 100:500])


@pytest.mark.parametrize("band_pixels", [16e6, 9000])
def test_a_smaller_picture_shows_the_same_place(
    slide_file: Path, level0: np.ndarray, monkeypatch: pytest.MonkeyPatch, band_pixels: float
) -> None:
    """Also where it is read in bands, of which nobody may see the seams."""
    monkeypatch.setattr(tissue, "SMOOTH_FROM_PX", 1)
    monkeypatch.setattr(tissue, "BAND_PIXELS", band_pixels)
    with Slide.open(slide_file) as slide:
        image = read_rect(slide, (0, 0, 900, 600), 300)
    expected = level0[:600, :900].reshape(200, 3, 300, 3, 3).mean((1, 3))
    assert np.abs(rgb(image) - expected).mean() < 2.5


def test_few_pixels_are_enlarged_and_the_profile_is_applied(slide_file: Path) -> None:
    with Slide.open(slide_file) as slide:
        plain = read_rect(slide, (100, 100, 130, 120), 1200)
        swapped = read_rect(slide, (100, 100, 130, 120), 1200, SrgbTransform(swapped_profile()))
    assert (plain.width(), plain.height()) == (900, 600)
    assert np.abs(rgb(swapped) - rgb(plain)[..., ::-1]).mean() < 3


def test_a_frame_holds_its_region_and_stays_on_the_slide() -> None:
    frame = frame_around(square(3, 300, 100), 1000, 700)
    assert frame[0] == 0 and frame[2] > 111  # moved in from the edge
    assert frame[1] < 300 < 400 < frame[3]
    strip = Roi(((((0, 300), (900, 300), (900, 310), (0, 310)),),))
    left, top, right, bottom = frame_around(strip, 1000, 700)
    assert left <= 0 and right >= 900
    assert (right - left) / (bottom - top) <= tissue.LONGEST_ASPECT * 1.05
    beyond = frame_around(square(-50, -50, 200), 1000, 700)  # partly off the slide
    assert beyond[0] <= -50 and beyond[1] <= -50
    width, height = fitted((0, 0, 40, 10), 100, 100)
    assert (width, height) == (100, 25)


def test_a_map_lies_on_its_region_and_nowhere_else(
    slide_file: Path, level0: np.ndarray, with_map: RegionFacts
) -> None:
    with Slide.open(slide_file) as slide:
        picture = picture_of(slide, with_map, 900, None)
    left, top, right, _ = picture.rect
    scale = picture.image.width() / (right - left)
    blue = np.abs(rgb(picture.image) - (0, 0, 255)).sum(-1) < 8
    rows, columns = np.nonzero(blue)
    assert columns.min() / scale + left == pytest.approx(200, abs=1)
    assert (columns.max() + 1) / scale + left == pytest.approx(500, abs=1)
    assert rows.min() / scale + top == pytest.approx(150, abs=1)
    assert (rows.max() + 1) / scale + top == pytest.approx(450, abs=1)
