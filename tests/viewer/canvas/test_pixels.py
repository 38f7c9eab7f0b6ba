"""Tools see the pixels that the user sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.slides import write_pyramid
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import SlideCanvas
from viewer.canvas.pixels import Pixels
from viewer.tiles.source import TileSource


def test_a_rectangle_in_memory_is_answered_at_once(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    seen: list[Pixels] = []
    driver.canvas.pixels.read((400.4, 300.0, 460.0, 339.2), seen.append)
    (pixels,) = seen
    assert (pixels.x, pixels.y, pixels.downsample) == (400, 300, 1.0)
    assert pixels.rgb.dtype == np.uint8
    assert np.array_equal(pixels.rgb, driver.picture[300:340, 400:460])


def test_pixels_come_from_the_level_that_is_shown(driver: Driver) -> None:
    driver.look_at(500, 350, 2.0)  # level 1 is painted pixel by pixel
    shown = driver.grab()
    seen: list[Pixels] = []
    driver.canvas.pixels.read((400, 300, 600, 400), seen.append)
    (pixels,) = seen
    assert pixels.downsample == 2.0 and pixels.rgb.shape == (50, 100, 3)
    x, y = driver.canvas.camera.view.to_screen(pixels.x, pixels.y).toPoint().toTuple()
    assert np.array_equal(pixels.rgb, shown[y : y + 50, x : x + 100])


def test_what_is_not_in_memory_is_read_and_answered_later(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    picture = write_pyramid(tmp_path / "wide.tif", 2000, 1500)
    driver = make_driver()
    driver.open(tmp_path / "wide.tif")
    driver.look_at(300, 200, 1.0)
    seen: list[Pixels] = []
    driver.canvas.pixels.read((1400, 1000, 1900, 1450), seen.append)
    driver.canvas.pixels.read((310, 210, 320, 220), seen.append)
    assert [p.x for p in seen] == [310]  # in memory: it does not wait for the first
    driver.qtbot.waitUntil(lambda: len(seen) == 2)
    assert np.array_equal(seen[1].rgb, picture[1000:1450, 1400:1900])
    assert (seen[1].x, seen[1].y) == (1400, 1000)


@pytest.mark.parametrize("why", ["another tool", "escape", "another slide"])
def test_an_answer_that_nobody_waits_for_never_comes(
    make_driver: Callable[..., Driver],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
) -> None:
    write_pyramid(tmp_path / "wide.tif", 2000, 1500)
    driver = make_driver()
    driver.open(tmp_path / "wide.tif")
    driver.look_at(300, 200, 1.0)
    monkeypatch.setattr(TileSource, "read_delay_s", 0.02)
    seen: list[Pixels] = []
    driver.canvas.pixels.read((1400, 1000, 1900, 1450), seen.append)
    if why == "another tool":
        driver.canvas.set_tool("lasso")
    elif why == "escape":
        driver.canvas.pointer.cancel()
    else:
        driver.canvas._slides.take(None)
        driver.open(tmp_path / "wide.tif")
    driver.look_at(1650, 1220, 1.0)  # the same tiles are read for the view
    assert seen == []


def test_a_rectangle_is_cut_at_the_edge_of_the_slide(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    seen: list[Pixels] = []
    driver.canvas.pixels.read((-20, 690, 10, 730), seen.append)
    driver.canvas.pixels.read((2000, 0, 2010, 10), seen.append)
    driver.qtbot.waitUntil(lambda: len(seen) == 2)
    edge, off = sorted(seen, key=lambda p: -p.rgb.size)
    assert (edge.x, edge.y) == (0, 690)
    assert np.array_equal(edge.rgb, driver.picture[690:700, :10])
    assert off.rgb.shape == (0, 0, 3)


def test_a_rectangle_beyond_memory_is_read_coarser_or_refused(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.look_at(500, 350, 1.0)
    seen: list[Pixels] = []
    monkeypatch.setattr("viewer.canvas.pixels.MAX_PIXELS", 5000)
    driver.canvas.pixels.read((0, 0, 100, 51), seen.append)
    driver.qtbot.waitUntil(lambda: bool(seen))
    assert seen[0].downsample == 2
    assert seen[0].rgb.shape == (26, 50, 3)
    monkeypatch.setattr("viewer.canvas.pixels.MAX_PIXELS", 100)
    with pytest.raises(ValueError, match="smaller"):
        driver.canvas.pixels.read((0, 0, 100, 51), lambda _: None)


def test_a_part_that_cannot_be_read_is_white(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = driver.canvas.source
    assert source is not None
    driver.look_at(500, 350, 1.0)
    monkeypatch.setattr(source, "tile", lambda key: None)
    monkeypatch.setattr(source, "is_bad", lambda key: True)
    seen: list[Pixels] = []
    driver.canvas.pixels.read((400, 300, 410, 310), seen.append)
    assert (seen[0].rgb == 255).all()


def test_without_a_slide_nothing_comes(qtbot: QtBot) -> None:
    canvas = SlideCanvas()
    qtbot.addWidget(canvas)
    seen: list[Pixels] = []
    canvas.pixels.read((0, 0, 10, 10), seen.append)
    assert seen == []


def test_one_answer_may_ask_for_more_or_cancel_the_rest(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    reader = driver.canvas.pixels
    seen: list[Pixels] = []

    def grow(pixels: Pixels) -> None:
        seen.append(pixels)
        if len(seen) < 3:
            reader.read((pixels.x - 5, 300, pixels.x + 5, 310), grow)
        else:
            reader.cancel()

    reader.read((400, 300, 410, 310), grow)
    assert [p.x for p in seen] == [400, 395, 390]


def test_an_answer_may_cancel_another_that_is_ready_too(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.look_at(500, 350, 1.0)
    reader, source = driver.canvas.pixels, driver.canvas.source
    seen: list[float] = []
    with monkeypatch.context() as patched:
        patched.setattr(source, "tile", lambda key: None)  # nothing is in memory yet
        reader.read((400, 300, 410, 310), lambda p: (seen.append(p.x), reader.cancel()))
        reader.read((500, 300, 510, 310), lambda p: seen.append(p.x))
    reader.answer()
    assert seen == [400]
