"""The pixels around a region are the slide's own, in their place, at any size."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ssmamba.rois.roi import Roi
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from tests.slides import swapped_profile, write_pyramid
from tests.viewer.fakes import square
from viewer.exporting import framing, tissue
from viewer.exporting.facts import RegionFacts
from viewer.exporting.framing import Frame, frame_around
from viewer.exporting.region_picture import picture_of
from viewer.exporting.tissue import read_frame, read_rect
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
    frame = frame_around(square(3, 300, 100), 1000, 700).rect
    assert frame[0] == 0 and frame[2] > 111  # moved in from the edge
    assert frame[1] < 300 < 400 < frame[3]
    strip = Roi(((((0, 300), (900, 300), (900, 310), (0, 310)),),))
    left, top, right, bottom = frame_around(strip, 1000, 700).rect
    assert left <= 0 and right >= 900
    assert (right - left) / (bottom - top) <= framing.LONGEST_ASPECT * 1.05
    beyond = frame_around(square(-50, -50, 200), 1000, 700).rect  # partly off the slide
    assert beyond[0] <= -50 and beyond[1] <= -50
    assert Frame(20, 5, 40, 10).fitted(100, 100) == (100, 25)


@pytest.mark.parametrize("degrees", [90.0, 180.0, 270.0])
def test_a_picture_turned_by_quarters_has_the_same_pixels(
    slide_file: Path, level0: np.ndarray, monkeypatch: pytest.MonkeyPatch, degrees: float
) -> None:
    monkeypatch.setattr(tissue, "SMOOTH_FROM_PX", 1)
    sides = (400, 200) if degrees == 180.0 else (200, 400)
    frame = Frame(300, 150, *sides, degrees)
    with Slide.open(slide_file) as slide:
        image = read_frame(slide, frame, 400)
    assert np.array_equal(rgb(image), np.rot90(level0[50:250, 100:500], -degrees / 90))


def test_an_oblique_picture_shows_each_place_where_it_belongs(
    slide_file: Path, level0: np.ndarray
) -> None:
    frame = Frame(500, 350, 300, 200, 37.0)
    with Slide.open(slide_file) as slide:
        image = read_frame(slide, frame, 1200)
    assert image.width() / image.height() == pytest.approx(1.5, abs=0.01)
    shown, view = rgb(image), frame.view(image.width(), image.height())
    for x, y in ((500, 350), (400, 300), (560, 420), (480, 400)):
        at = view.to_screen(x + 0.5, y + 0.5).toPoint()
        assert np.abs(shown[at.y(), at.x()] - level0[y, x]).max() < 12


@pytest.mark.parametrize("degrees", [0.0, 90.0, 37.0, 200.0])
def test_a_turned_frame_holds_its_region(degrees: float) -> None:
    strip = Roi(((((100, 300), (800, 310), (800, 330), (100, 320)),),))
    frame = frame_around(strip, 1000, 700, degrees)
    view = frame.view(1000, round(1000 * frame.height / frame.width))
    for x, y in strip.polygons[0][0]:
        place = view.to_screen(x, y)
        assert 0 < place.x() < view.width and 0 < place.y() < view.height
    assert max(frame.width, frame.height) <= 2.6 * min(frame.width, frame.height)


def test_a_map_turns_with_its_tissue(slide_file: Path, with_map: RegionFacts) -> None:
    with Slide.open(slide_file) as slide:
        picture = picture_of(slide, with_map, 900, None, 37.0)
    blue = np.abs(rgb(picture.image) - (0, 0, 255)).sum(-1) < 8
    scale = picture.image.width() / picture.frame.width
    assert blue.sum() / scale**2 == pytest.approx(300 * 300, rel=0.02)
    rows, columns = np.nonzero(blue)
    around = 300 * (math.cos(math.radians(37)) + math.sin(math.radians(37)))
    assert (columns.max() - columns.min()) / scale == pytest.approx(around, abs=3)
    assert (rows.max() - rows.min()) / scale == pytest.approx(around, abs=3)


def test_a_map_lies_on_its_region_and_nowhere_else(
    slide_file: Path, level0: np.ndarray, with_map: RegionFacts
) -> None:
    with Slide.open(slide_file) as slide:
        picture = picture_of(slide, with_map, 900, None)
    left, top, right, _ = picture.frame.rect
    scale = picture.image.width() / (right - left)
    blue = np.abs(rgb(picture.image) - (0, 0, 255)).sum(-1) < 8
    rows, columns = np.nonzero(blue)
    assert columns.min() / scale + left == pytest.approx(200, abs=1)
    assert (columns.max() + 1) / scale + left == pytest.approx(500, abs=1)
    assert rows.min() / scale + top == pytest.approx(150, abs=1)
    assert (rows.max() + 1) / scale + top == pytest.approx(450, abs=1)
