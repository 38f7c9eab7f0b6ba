"""ROIs on the slide."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import SQUARE, Driver
from viewer.canvas import ViewState
from viewer.canvas.layers.rois import RoiLayer
from viewer.canvas.view import View

RED_SQUARE = Roi((((((400, 300), (500, 300), (500, 400), (400, 400))),),), color=(255, 0, 0))


def test_regions_are_outlined_at_every_zoom(driver: Driver) -> None:
    driver.canvas.set_rois([RED_SQUARE])
    for downsample in (0.25, 1.0, 3.0):
        driver.look_at(450, 350, downsample)
        shown = driver.grab().astype(int)
        x, y = driver.canvas.camera.view.to_screen(450, 300).toTuple()
        column = shown[max(int(y) - 6, 0) : int(y) + 6, int(x)]
        if 0 <= y < 300:
            assert (np.abs(column - (255, 0, 0)).max(axis=1) < 60).any()  # a crisp red line
    assert (np.abs(shown[150, 200] - (255, 0, 0)).max()) > 60  # and nothing inside


def test_a_region_far_out_on_a_huge_slide_is_exact() -> None:

    far = Roi((((((99_000.5, 79_000.5), (99_010.5, 79_000.5), (99_005.5, 79_010.5))),),))
    layer = RoiLayer()
    layer.set_rois([far])
    view = View(ViewState(99_005, 79_005, 1 / 16), 400, 400)

    image = QImage(400, 400, QImage.Format.Format_RGB32)
    image.fill(QColor(255, 255, 255))
    painter = QPainter(image)
    layer.paint(painter, view, 1.0)
    painter.end()
    x, y = view.to_screen(99_005.5, 79_000.5).toTuple()
    assert QColor(image.pixel(round(x), round(y))).green() > 150
    assert QColor(image.pixel(round(x), round(y))).red() < 80


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


def test_names_of_regions_do_not_cover_each_other(drawing: Driver) -> None:
    near = [replace(SQUARE, id=f"r{i}", name=f"Region {i}") for i in range(3)]
    drawing.canvas.set_rois(near)
    drawing.canvas.set_selected("r0")
    drawing.grab()
    first, second = drawing.canvas.scene.rois.labels.items()  # the third has no room
    assert first[0] == "r0"
    assert not first[1].intersects(second[1])
