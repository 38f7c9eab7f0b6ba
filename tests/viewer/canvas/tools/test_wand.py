"""The wand makes regions of like colour, at the level that is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.rois.geometry import area_of
from ssmamba.rois.likeness import Likeness
from tests.viewer.canvas.conftest import Driver

PINK, VIOLET = (230, 150, 190), (110, 60, 150)


@pytest.fixture
def tissue(make_driver: Callable[..., Driver], tmp_path: Path) -> Driver:
    """Pink with a violet square of 160 px at (420, 270), a hole in it, and another one apart."""
    picture = np.full((700, 1000, 3), PINK, np.uint8)
    picture[270:430, 420:580] = VIOLET
    picture[330:370, 480:520] = PINK
    picture[300:340, 640:680] = VIOLET
    tifffile.imwrite(tmp_path / "tissue.tif", picture, photometric="rgb", tile=(256, 256))
    driver = make_driver()
    driver.open(tmp_path / "tissue.tif")
    driver.look_at(500, 350, 1.0)
    driver.canvas.set_tool("wand")
    return driver


def test_what_is_alike_and_connected_is_a_region(tissue: Driver) -> None:
    tissue.click(440, 290)
    tissue.qtbot.waitUntil(lambda: bool(tissue.drawn))
    (roi,) = tissue.drawn
    assert roi.bounds == pytest.approx((420, 270, 580, 430), abs=3)
    assert area_of(roi) == pytest.approx(160 * 160 - 40 * 40, rel=0.05)
    assert len(roi.polygons) == 1 and len(roi.polygons[0]) == 2  # with its hole


def test_alt_takes_what_is_alike_away(tissue: Driver) -> None:
    tissue.click(440, 290)
    tissue.qtbot.waitUntil(lambda: bool(tissue.drawn))
    tissue.canvas.set_rois(tissue.drawn)
    tissue.canvas.set_selected(tissue.drawn[0].id)
    asked: list[str] = []
    tissue.canvas.rois_delete_requested.connect(asked.extend)
    QTest.mouseClick(tissue.canvas, Qt.MouseButton.RightButton, pos=tissue.screen(440, 290))
    tissue.qtbot.waitUntil(lambda: bool(asked or tissue.edited))
    assert asked == [tissue.drawn[0].id]


def test_a_drag_takes_in_what_is_less_alike(tissue: Driver) -> None:
    tissue.drag((440, 290), (500, 300), (320, 490), (640, 490))
    tissue.qtbot.waitUntil(lambda: bool(tissue.drawn))
    assert area_of(tissue.drawn[0]) == pytest.approx(400 * 300, rel=0.02)  # all that is in view


def test_beside_the_slide_nothing_is_drawn_and_the_reason_said(tissue: Driver) -> None:
    tissue.look_at(980, 350, 1.0)
    tissue.click(1050, 350)
    tissue.qtbot.waitUntil(lambda: bool(tissue.hints))
    assert tissue.drawn == [] and "on the slide" in tissue.hints[0]


def test_likeness_is_a_distance_of_colours() -> None:
    picture = np.full((60, 80, 3), 255, np.uint8)
    picture[:, 40:] = 119  # L* of 50
    found = Likeness(picture, 10, 30)
    assert found.distance[30, 10] == pytest.approx(0, abs=0.1)
    assert found.distance[30, 70] == pytest.approx(50, abs=1)
    assert found.mask(40)[:, :38].all() and not found.mask(40)[:, 44:].any()
    assert found.mask(60).all()


def test_an_area_stands_where_its_pixels_do() -> None:
    picture = np.zeros((50, 50, 3), np.uint8)
    picture[10:30, 20:45] = 255
    area = Likeness(picture, 30, 20).area(20, 4.0, 1000, 2000)
    assert area.bounds == pytest.approx((1080, 2040, 1180, 2120), abs=8)
