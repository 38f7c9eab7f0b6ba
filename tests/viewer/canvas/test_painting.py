"""What is on the screen is what is on the slide."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import openslide
import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from ssmamba.reading.values import Window
from ssmamba.rois.roi import Roi
from tests.slides import SHARED_SLIDES, write_pyramid
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import Overlay, SlideCanvas, ViewState
from viewer.tiles.source import TileSource, _alive


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
    view = driver.canvas.view
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
    x, y = driver.canvas.view.to_screen(500, 350).toTuple()
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
    driver.canvas.fit()
    driver.qtbot.wait(300)
    # the heartbeat fixture fails the test on a gap over 150 ms


def test_a_new_slide_leaves_nothing_of_the_old_one(driver: Driver, tmp_path: Path) -> None:
    white = tmp_path / "white.tif"
    write_pyramid(white, 1000, 700, picture=np.full((700, 1000, 3), 250, np.uint8))
    driver.look_at(500, 350, 1.0)
    driver.open(white)
    driver.settle()
    driver.look_at(500, 350, 1.0)
    assert (driver.grab() == 250).all()


def test_a_slide_that_fails_to_open_leaves_the_old_one(driver: Driver, tmp_path: Path) -> None:
    before = driver.canvas.scene.info
    with driver.qtbot.waitSignal(driver.canvas.slide_failed) as failure:
        driver.canvas.open_slide(str(tmp_path / "missing.svs"))
    assert "check the path" in failure.args[0]
    assert driver.canvas.scene.info is before
    assert driver.canvas.is_settled()


def test_opening_two_slides_quickly_shows_the_second(driver: Driver, tmp_path: Path) -> None:
    second = tmp_path / "second.tif"
    write_pyramid(second, 640, 480)
    opened: list[int] = []
    driver.canvas.slide_opened.connect(lambda info: opened.append(info.width))
    driver.canvas.open_slide(str(driver.path))
    driver.canvas.open_slide(str(second))
    driver.qtbot.waitUntil(lambda: 640 in opened)
    driver.settle()
    assert opened == [640]


def test_a_slide_that_failed_late_does_not_take_the_next_one_along(
    driver: Driver, tmp_path: Path
) -> None:
    second = tmp_path / "second.tif"
    write_pyramid(second, 640, 480)
    told: list[str] = []
    driver.canvas.slide_failed.connect(lambda message, _: told.append(message))
    driver.canvas.open_slide(str(tmp_path / "missing.svs"))
    for source in list(_alive):
        if source.path.endswith("missing.svs"):
            assert source.wait_closed()  # its failure waits in the queue of this thread
    with driver.qtbot.waitSignal(driver.canvas.slide_opened):
        driver.canvas.open_slide(str(second))
    assert driver.canvas.scene.info.name == "second.tif" and not told


def test_signals_say_when_the_first_tile_and_all_tiles_are_there(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    path = tmp_path / "slide.tif"
    write_pyramid(path)
    driver = make_driver()
    heard: list[str] = []
    driver.canvas.first_tile_painted.connect(lambda: heard.append("first"))
    driver.canvas.settled.connect(lambda: heard.append("settled"))
    driver.open(path)
    driver.qtbot.waitUntil(lambda: "settled" in heard)
    assert heard[0] == "first"
    assert heard.count("first") == 1
    driver.canvas.camera.pan_by(5, 5)
    driver.qtbot.waitUntil(lambda: heard.count("settled") >= 2)


SQUARE = Roi((((((400, 300), (500, 300), (500, 400), (400, 400))),),), color=(255, 0, 0))


def test_overlays_lie_where_they_belong_and_are_cut(driver: Driver) -> None:
    blue = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    blue.fill(QColor(0, 0, 255))
    driver.look_at(500, 350, 1.0)
    clean = driver.grab()
    driver.canvas.set_overlays([Overlay(blue, 350, 250, 300, 200, clip=SQUARE)])
    shown = driver.grab()
    assert (shown[100:199, 101:199] == (0, 0, 255)).all()  # slide 400..500 × 300..400
    outside = np.ones(shown.shape[:2], bool)
    outside[99:201, 99:201] = False
    assert np.array_equal(shown[outside], clean[outside])
    driver.canvas.set_overlay_opacity(0.5)
    half = driver.grab()[150, 150].astype(int)
    assert np.abs(half - (clean[150, 150].astype(int) + np.array([0, 0, 255])) / 2).max() <= 2
    driver.canvas.set_overlay_opacity(0.0)
    assert np.array_equal(driver.grab(), clean)


def test_neighbouring_overlays_neither_overlap_nor_leave_a_gap(driver: Driver) -> None:
    grey = QImage(2, 2, QImage.Format.Format_ARGB32_Premultiplied)
    grey.fill(QColor(0, 0, 0))
    driver.canvas.set_overlay_opacity(0.5)
    for downsample in (0.77, 1.9, 3.1):
        driver.look_at(500, 350, downsample)
        driver.canvas.set_overlays([])
        clean = driver.grab().astype(int)
        side = 33.3
        tiles = [
            Overlay(grey, 400 + c * side, 300 + r * side, side, side)
            for r in range(4)
            for c in range(4)
        ]
        driver.canvas.set_overlays(tiles)
        shown = driver.grab()
        x0, y0 = (int(v) + 2 for v in driver.canvas.view.to_screen(400, 300).toTuple())
        x1, y1 = (int(v) - 2 for v in driver.canvas.view.to_screen(533, 433).toTuple())
        inside = np.s_[max(y0, 0) : y1, max(x0, 0) : x1]
        assert np.abs(shown[inside] - clean[inside] / 2).max() <= 2


def test_regions_are_outlined_at_every_zoom(driver: Driver) -> None:
    driver.canvas.set_rois([SQUARE])
    for downsample in (0.25, 1.0, 3.0):
        driver.look_at(450, 350, downsample)
        shown = driver.grab().astype(int)
        x, y = driver.canvas.view.to_screen(450, 300).toTuple()
        column = shown[max(int(y) - 6, 0) : int(y) + 6, int(x)]
        if 0 <= y < 300:
            assert (np.abs(column - (255, 0, 0)).max(axis=1) < 60).any()  # a crisp red line
    assert (np.abs(shown[150, 200] - (255, 0, 0)).max()) > 60  # and nothing inside


def test_a_region_far_out_on_a_huge_slide_is_exact(make_driver: Callable[..., Driver]) -> None:
    from viewer.canvas.layers.rois import RoiLayer
    from viewer.canvas.view import View

    far = Roi((((((99_000.5, 79_000.5), (99_010.5, 79_000.5), (99_005.5, 79_010.5))),),))
    layer = RoiLayer()
    layer.set_rois([far])
    view = View(ViewState(99_005, 79_005, 1 / 16), 400, 400)
    from PySide6.QtGui import QPainter

    image = QImage(400, 400, QImage.Format.Format_RGB32)
    image.fill(QColor(255, 255, 255))
    painter = QPainter(image)
    layer.paint(painter, view, 1.0)
    painter.end()
    x, y = view.to_screen(99_005.5, 79_000.5).toTuple()
    assert QColor(image.pixel(round(x), round(y))).green() > 150
    assert QColor(image.pixel(round(x), round(y))).red() < 80


def test_the_windows_that_the_model_saw_are_framed(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    clean = driver.grab()
    driver.canvas.set_highlight([Window(450, 300, 100)])
    shown = driver.grab()
    changed = np.argwhere((shown != clean).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert (left, top) == (pytest.approx(150, abs=3), pytest.approx(100, abs=3))
    assert (right, bottom) == (pytest.approx(250, abs=3), pytest.approx(200, abs=3))
    driver.canvas.set_highlight([])
    assert np.array_equal(driver.grab(), clean)


def test_many_regions_paint_quickly_enough_to_pan(driver: Driver, heartbeat: object) -> None:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.c_[np.cos(angles), np.sin(angles)] * 3
    rng = np.random.default_rng(0)
    centers = rng.uniform((0, 0), (1000, 700), (5000, 2))
    rois = [Roi(((tuple(map(tuple, (ring + c).tolist())),),)) for c in centers]
    driver.canvas.set_rois(rois)
    heartbeat.reset()  # type: ignore[attr-defined]
    for _ in range(5):
        driver.canvas.camera.pan_by(7, 3)
        driver.qtbot.wait(15)


def test_a_destroyed_canvas_frees_the_slide_and_leaves_others_alone(
    driver: Driver, qtbot: QtBot
) -> None:
    cell = SlideCanvas(decorations=False)
    cell.share_source(driver.canvas)
    cell.show()
    alone = SlideCanvas()
    with qtbot.waitSignal(alone.slide_opened):
        alone.open_slide(str(driver.path))
    source = alone.source
    assert source is not None
    alone.grab()
    remembered = [weakref.ref(cell), weakref.ref(alone)]
    for canvas in (cell, alone):
        canvas.close()
        canvas.deleteLater()
    del cell, alone, canvas
    qtbot.waitUntil(lambda: source.wait_closed(0))
    qtbot.wait(50)
    gc.collect()
    assert [ref() for ref in remembered] == [None, None]  # nor is any memory kept
    driver.canvas.camera.pan_by(50, 50)
    driver.look_at(500, 350, 1.0)
    assert np.array_equal(driver.grab(), driver.picture[200:500, 300:700])


def many_rois(count: int, radius: float) -> list[Roi]:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.c_[np.cos(angles), np.sin(angles)] * radius
    centers = np.random.default_rng(0).uniform((50, 50), (950, 650), (count, 2))
    return [Roi(((tuple(map(tuple, (ring + c).tolist())),),), color=(0, 0, 255)) for c in centers]


@pytest.mark.parametrize(("count", "radius"), [(600, 12), (600, 1.2)], ids=["hairlines", "dots"])
def test_many_rois_lie_where_each_would(
    driver: Driver, count: int, radius: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.canvas.layers.rois.MAX_HALOS", 0)
    rois = many_rois(count, radius)
    driver.look_at(500, 350, 1.0)
    clean = driver.grab()
    driver.canvas.set_rois(rois)
    together = (driver.grab() != clean).any(axis=2)
    apart = np.zeros_like(together)
    for first in range(0, count, 50):
        driver.canvas.set_rois(rois[first : first + 50])
        apart |= (driver.grab() != clean).any(axis=2)
    # thinner lines for many ROIs, but nowhere else and none missing
    kernel = np.ones((5, 5), np.uint8)
    assert (apart <= (cv2.dilate(together.astype(np.uint8), kernel) > 0)).all()
    assert (together <= (cv2.dilate(apart.astype(np.uint8), kernel) > 0)).all()
    assert 0.02 < together.mean() < 0.9
