"""Glass and tissue are told apart in several stains; windows cover a region as promised."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Roi
from ssmamba.slides.tissue import (
    blur_score,
    tissue_fraction,
    tissue_mask,
    windows_tiles,
    windows_whole,
)
from tests.slides import SHARED_SLIDES

LAC = SHARED_SLIDES.parent / "lc25000"
PBC = SHARED_SLIDES.parent / "pbc"


def glass(level: int = 242, noise: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    image = rng.normal(level, noise, (128, 128, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def with_blob(color: tuple[int, int, int]) -> np.ndarray:
    image = glass()
    cv2.circle(image, (64, 64), 40, color, -1)
    return image


@pytest.mark.parametrize(
    "color",
    [(190, 90, 150), (225, 190, 215), (120, 60, 140), (150, 110, 90), (90, 90, 90)],
    ids=["H&E", "pale eosin", "nuclei", "DAB", "pigment"],
)
def test_a_stained_blob_is_found(color: tuple[int, int, int]) -> None:
    mask = tissue_mask(with_blob(color))
    assert mask[64, 64]
    assert mask.mean() == pytest.approx(np.pi * 40**2 / 128**2, abs=0.04)


@pytest.mark.parametrize("level", [255, 242, 225])
def test_glass_has_no_tissue(level: int) -> None:
    assert tissue_fraction(glass(level)) < 0.05


def test_a_picture_full_of_tissue_has_no_glass() -> None:
    rng = np.random.default_rng(1)
    image = np.clip(rng.normal((180, 90, 150), 25, (96, 96, 3)), 0, 255).astype(np.uint8)
    assert tissue_fraction(image) > 0.95


@pytest.mark.shared_data
@pytest.mark.parametrize("folder", [LAC, PBC])
def test_real_images_are_tissue_and_their_glass_is_not(folder: Path) -> None:
    if not folder.exists():
        pytest.skip("../shared/data is absent")
    paths = sorted(folder.glob("*/*.jpg"))[::60][:40]
    shares = [tissue_fraction(cv2.imread(str(path))[..., ::-1]) for path in paths]
    assert np.mean(shares) > 0.25
    assert min(shares) > 0.02


def test_blur_lowers_the_score() -> None:
    rng = np.random.default_rng(2)
    sharp = np.clip(rng.normal(150, 40, (128, 128, 3)), 0, 255).astype(np.uint8)
    scores = [blur_score(cv2.GaussianBlur(sharp, (0, 0), s)) for s in (0.5, 1.0, 2.0, 4.0)]
    assert scores == sorted(scores, reverse=True)
    assert blur_score(sharp) > 20 * scores[-1]
    assert blur_score(sharp[:2]) == 0.0


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
