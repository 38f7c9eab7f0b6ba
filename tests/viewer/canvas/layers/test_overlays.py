"""Pictures laid on the slide, and the windows that the model saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import Overlay
from viewer.canvas.layers.overlays import _frames

RED_SQUARE = Roi((((((400, 300), (500, 300), (500, 400), (400, 400))),),), color=(255, 0, 0))


def test_overlays_lie_where_they_belong_and_are_cut(driver: Driver) -> None:
    blue = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    blue.fill(QColor(0, 0, 255))
    driver.look_at(500, 350, 1.0)
    clean = driver.grab()
    driver.canvas.set_overlays([Overlay(blue, 350, 250, 300, 200, clip=RED_SQUARE)])
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


def test_a_region_whose_map_is_painted_again_is_not_worked_out_again(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_out: list[Roi] = []
    monkeypatch.setattr("ssmamba.rois.geometry.resolved", lambda roi: worked_out.append(roi) or roi)
    image = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    moved = replace(RED_SQUARE, polygons=((((600, 300), (700, 300), (700, 400)),),))
    for clips in ([RED_SQUARE], [RED_SQUARE, moved], [moved], [moved], [RED_SQUARE]):
        driver.canvas.set_overlays([Overlay(image, 350, 250, 300, 200, clip=c) for c in clips])
    assert worked_out == [RED_SQUARE, moved, RED_SQUARE]


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
        x0, y0 = (int(v) + 2 for v in driver.canvas.camera.view.to_screen(400, 300).toTuple())
        x1, y1 = (int(v) - 2 for v in driver.canvas.camera.view.to_screen(533, 433).toTuple())
        inside = np.s_[max(y0, 0) : y1, max(x0, 0) : x1]
        assert np.abs(shown[inside] - clean[inside] / 2).max() <= 2


def test_the_windows_that_the_model_saw_are_framed(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    clean = driver.grab()
    driver.canvas.set_highlight(np.array([[450.0, 300.0, 100.0]]))
    shown = driver.grab()
    changed = np.argwhere((shown != clean).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert (left, top) == (pytest.approx(150, abs=3), pytest.approx(100, abs=3))
    assert (right, bottom) == (pytest.approx(250, abs=3), pytest.approx(200, abs=3))
    driver.canvas.set_highlight(None)
    assert np.array_equal(driver.grab(), clean)


def test_of_forty_thousand_windows_those_on_the_screen_are_framed(driver: Driver) -> None:
    corners = np.stack(np.meshgrid(np.arange(200.0), np.arange(200.0)), -1).reshape(-1, 2) * 100
    windows = np.concatenate([corners, np.full((len(corners), 1), 100.0)], axis=1)
    driver.look_at(500, 350, 1.0)
    view = driver.canvas.scene.camera.view
    left, top, right, bottom = view.rect
    seen = sum(
        x < right and x + side > left and y < bottom and y + side > top for x, y, side in windows
    )
    frames = _frames(windows, view)
    assert len(frames) == seen < 200
    assert frames[0] == view.screen_rect_f((300, 200, 400, 300))  # the first row that is seen


def test_small_windows_are_framed_by_a_hairline(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    clean = driver.grab()
    driver.canvas.set_highlight(np.array([[500.0, 350.0, 8.0]]))
    changed = np.argwhere((driver.grab() != clean).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert (bottom - top, right - left) == (8, 8)
    assert len(changed) == 4 * 8
