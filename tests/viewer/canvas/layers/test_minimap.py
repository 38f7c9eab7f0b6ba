"""The overview in the corner."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest

from tests.viewer.canvas.conftest import Driver
from viewer.canvas.layers.minimap import VIEW_INK


@pytest.fixture
def place(driver: Driver) -> QRect:
    driver.canvas.scene.decorated = True
    driver.look_at(500, 350, 1.0)
    found = driver.canvas.scene.minimap_place()
    assert found is not None
    return found


def test_it_shows_the_whole_slide(driver: Driver, place: QRect) -> None:
    driver.canvas.camera.fit()
    driver.settle()
    shown = driver.grab()[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
    size = place.width(), place.height()
    expected = cv2.resize(driver.picture, size, interpolation=cv2.INTER_AREA)
    inner = np.s_[3:-3, 3:-3]  # without its frame
    assert np.abs(shown[inner].astype(int) - expected[inner]).mean() < 6


def test_a_red_rectangle_marks_the_view(driver: Driver, place: QRect) -> None:
    shown = driver.grab().astype(int)
    red = np.abs(shown - VIEW_INK.getRgb()[:3]).max(axis=2) <= 4
    rows, columns = np.nonzero(red[place.top() : place.bottom(), place.left() : place.right()])
    # x 300..700 of 1000, y 200..500 of 700 are visible
    assert (columns.min() / place.width(), columns.max() / place.width()) == (
        pytest.approx(0.3, abs=0.03), pytest.approx(0.7, abs=0.03)
    )  # fmt: skip
    assert (rows.min() / place.height(), rows.max() / place.height()) == (
        pytest.approx(2 / 7, abs=0.04), pytest.approx(5 / 7, abs=0.04)
    )  # fmt: skip


def test_dragging_on_it_moves_the_view_along_and_draws_nothing(
    driver: Driver, place: QRect
) -> None:
    driver.canvas.set_tool("lasso")
    corners = [place.topLeft() + QPoint(8, 8), place.center(), place.bottomRight() - QPoint(8, 8)]
    QTest.mousePress(driver.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    seen = []
    for corner in corners[1:]:
        QTest.mouseMove(driver.canvas, corner)
        seen.append(driver.canvas.view_state().center_x)
    QTest.mouseRelease(driver.canvas, Qt.MouseButton.LeftButton, pos=corners[-1])
    assert seen == [pytest.approx(500, abs=12), pytest.approx(930, abs=30)]
    assert driver.drawn == [] and driver.hints == []


def test_a_small_widget_has_none(make_driver: Callable[..., Driver], driver: Driver) -> None:
    small = make_driver(width=150, height=120, decorations=True)
    small.canvas.share_source(driver.canvas)
    small.settle()
    assert small.canvas.scene.minimap_place() is None
    large = make_driver(width=400, height=300, decorations=True)
    assert large.canvas.scene.minimap_place() is None  # nor one without a slide
