"""In the middle of a drawing the view pans, zooms and scrolls, and points are taken back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.viewer.canvas.conftest import Driver

LEFT = Qt.MouseButton.LeftButton


def test_space_pans_while_the_button_is_held(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("rectangle")
    QTest.mousePress(canvas, LEFT, pos=drawing.screen(400, 300))
    QTest.mouseMove(canvas, drawing.screen(500, 350))
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    QTest.mouseMove(canvas, QPoint(150, 130))  # 50 px left, 20 up of where it was
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.view_state().center_x == 550 and canvas.view_state().center_y == 370
    QTest.mouseMove(canvas, drawing.screen(560, 420))
    QTest.mouseRelease(canvas, LEFT, pos=drawing.screen(560, 420))
    assert drawing.drawn[0].bounds == (400, 300, 560, 420)


def test_the_wheel_zooms_while_the_button_is_held(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("rectangle")
    QTest.mousePress(canvas, LEFT, pos=drawing.screen(400, 300))
    at = QPointF(drawing.screen(500, 350))
    turned = QWheelEvent(
        at, QPointF(canvas.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120), LEFT,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, turned)
    drawing.qtbot.waitUntil(lambda: not canvas.camera.is_moving)
    assert canvas.view_state().downsample < 1
    QTest.mouseMove(canvas, drawing.screen(520, 400))
    QTest.mouseRelease(canvas, LEFT, pos=drawing.screen(520, 400))
    assert drawing.drawn[0].bounds == pytest.approx((400, 300, 520, 400), abs=1)


def test_the_view_scrolls_at_its_edge_and_the_drawing_follows(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("rectangle")
    QTest.mousePress(canvas, LEFT, pos=drawing.screen(500, 350))
    QTest.mouseMove(canvas, QPoint(398, 200))
    drawing.qtbot.waitUntil(lambda: canvas.view_state().center_x > 600)
    QTest.mouseMove(canvas, QPoint(200, 200))  # away from the edge
    stopped = canvas.view_state()
    QTest.mouseRelease(canvas, LEFT, pos=QPoint(250, 200))
    assert canvas.view_state() == stopped
    assert drawing.drawn[0].bounds[0] == 500 and drawing.drawn[0].bounds[2] > 600


def test_nothing_scrolls_while_nothing_is_drawn(drawing: Driver) -> None:
    drawing.canvas.set_tool("rectangle")
    QTest.mouseMove(drawing.canvas, QPoint(398, 200))
    assert not drawing.canvas.pointer._scroll._timer.isActive()


def test_backspace_takes_back_the_end_of_a_lasso(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("lasso")
    QTest.mousePress(canvas, LEFT, pos=drawing.screen(400, 300))
    for x in range(410, 610, 10):
        QTest.mouseMove(canvas, drawing.screen(x, 300))
    path = canvas.pointer.tool.path
    longest = len(path)
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    assert len(path) < longest and path[-1][0] <= 540 and path[0] == (400, 300)
    canvas.pointer.cancel()
