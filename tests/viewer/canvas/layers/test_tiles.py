"""What is on the screen is what is on the slide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest
from PySide6.QtGui import QColor

from tests.slides import SHARED_SLIDES, write_pyramid
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import ViewState
from viewer.tiles.source import TileSource


def test_one_to_one_shows_the_slides_own_pixels(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    assert np.array_equal(driver.grab(), driver.picture[200:500, 300:700])


def test_panning_leaves_no_trace(driver: Driver) -> None:
    """The last frame is moved and completed, never painted anew: it must not show."""
    driver.look_at(500, 350, 1.0)
    rng = np.random.default_rng(1)
    for _ in range(25):
        driver.canvas.camera.pan_by(*(int(v) for v in rng.integers(-60, 60, 2)))
        driver.grab()
    driver.settle()
    state = driver.canvas.view_state()
    x, y = round(state.center_x) - 200, round(state.center_y) - 150
    inside = driver.picture[max(y, 0) : y + 300, max(x, 0) : x + 400]
    shown = driver.grab()[max(-y, 0) :, max(-x, 0) :][: inside.shape[0], : inside.shape[1]]
    assert np.array_equal(shown, inside)


def box_filtered(picture: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Exact means of level-0 pixels between the edges ``xs`` and ``ys`` (level-0 pixels)."""
    sums = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1, 3))
    sums[1:, 1:] = picture.astype(float).cumsum(0).cumsum(1)
    for axis, edges in ((0, ys), (1, xs)):
        low = np.floor(edges).astype(int)
        share = (edges - low).reshape([-1 if a == axis else 1 for a in range(3)])
        high = np.minimum(low + 1, sums.shape[axis] - 1)
        sums = np.take(sums, low, axis) * (1 - share) + np.take(sums, high, axis) * share
    cells = np.diff(np.diff(sums, axis=0), axis=1)
    return cells / (np.diff(ys)[:, None, None] * np.diff(xs)[None, :, None])


@pytest.mark.parametrize("downsample", [1.0, 1.37, 2.0, 2.31, 3.3])
def test_every_zoom_shows_the_mean_of_what_lies_under_each_pixel(
    driver: Driver, downsample: float
) -> None:
    """Right place to a part of a pixel, no aliasing, no seam between tiles."""
    driver.look_at(503.3, 347.6, downsample)
    view = driver.canvas.camera.view
    far = view.to_screen(1000, 700)
    left, top = (max(v + 3, 0) for v in view.origin)
    right, bottom = min(400, int(far.x()) - 3), min(300, int(far.y()) - 3)
    xs = (np.arange(left, right + 1) - view.origin[0]) * downsample
    ys = (np.arange(top, bottom + 1) - view.origin[1]) * downsample
    error = np.abs(driver.grab()[top:bottom, left:right] - box_filtered(driver.picture, xs, ys))
    assert np.sqrt((error**2).mean()) < 1.5
    # a seam would be a whole line that is off
    assert error.mean(axis=(1, 2)).max() < 2.5
    assert error.mean(axis=(0, 2)).max() < 2.5


def test_beside_the_slide_there_is_background(driver: Driver) -> None:
    driver.look_at(0, 0, 1.0)
    shown = driver.grab()
    background = QColor("#e9eaec")
    wanted = (background.red(), background.green(), background.blue())
    assert (shown[:150] == wanted).all()
    assert (shown[:, :200] == wanted).all()
    assert np.array_equal(shown[150:, 200:], driver.picture[:150, :200])


def test_pixels_are_squares_when_one_is_very_near(driver: Driver) -> None:
    driver.look_at(500, 350, 1 / 8)
    shown = driver.grab()
    x, y = driver.canvas.camera.view.to_screen(500, 350).toTuple()
    block = shown[int(y) : int(y) + 8, int(x) : int(x) + 8]
    assert (block == driver.picture[350, 500]).all()


@pytest.mark.shared_data
def test_a_real_slide_matches_openslide(make_driver: Callable[..., Driver]) -> None:
    path = SHARED_SLIDES / "CMU-1-Small-Region.svs"
    if not path.exists():
        pytest.skip("../shared/data/slides is absent")
    driver = make_driver(width=500, height=400)
    driver.open(path)
    driver.look_at(1100, 1300, 1.0)
    with openslide.OpenSlide(path) as slide:
        wanted = np.asarray(slide.read_region((850, 1100), 0, (500, 400)).convert("RGB"))
    assert np.abs(driver.grab().astype(int) - wanted).max() <= 3


def test_coarse_first_then_fine(
    make_driver: Callable[..., Driver], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slide.tif"
    picture = write_pyramid(path, 2000, 1600, levels=3)
    driver = make_driver()
    driver.open(path)
    driver.settle()
    monkeypatch.setattr(TileSource, "read_delay_s", 0.3)
    driver.canvas.set_view_state(ViewState(1000, 800, 1.0))
    coarse = driver.grab().astype(int)
    assert not driver.canvas.is_settled()
    sharp = picture[650:950, 800:1200].astype(int)
    # at once: blurred, but the right place in the right colours
    assert 0 < np.abs(coarse - sharp).mean() < 12
    driver.settle()
    assert np.array_equal(driver.grab(), sharp)


def test_nothing_blocks_while_slow_tiles_come(
    make_driver: Callable[..., Driver],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    heartbeat: object,
) -> None:
    path = tmp_path / "slide.tif"
    write_pyramid(path, 3000, 2400, levels=1, tile=256)
    monkeypatch.setattr(TileSource, "read_delay_s", 0.3)
    driver = make_driver(width=700, height=500)
    heartbeat.reset()  # type: ignore[attr-defined]
    driver.open(path)
    for step in range(12):
        driver.canvas.camera.zoom_at(0.25, None)
        driver.canvas.camera.pan_by(25 * step, 13 * step)
        driver.qtbot.wait(40)
    driver.canvas.camera.fit()
    driver.qtbot.wait(300)
