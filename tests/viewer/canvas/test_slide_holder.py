"""Opening, replacing and closing the slide of a canvas."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from tests.slides import write_pyramid
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import SlideCanvas
from viewer.tiles.source import _alive


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
