"""What mouse and keyboard do in every tool."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.viewer.canvas.conftest import INNER, SQUARE, Driver, circle


def test_a_click_chooses_the_innermost_region(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE, INNER])
    drawing.click(500, 350)
    drawing.click(440, 300)
    drawing.click(640, 450)
    assert drawing.clicked == ["inner", "square", None]


def test_a_drag_is_not_a_click(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.drag((500, 350), (520, 350), (560, 350))
    assert drawing.clicked == []


def test_hovering_tells_once_on_entering_and_leaving(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    heard: list[str | None] = []
    drawing.canvas.roi_hovered.connect(heard.append)
    for x in (410 - 30, 450, 460, 500, 640):
        QTest.mouseMove(drawing.canvas, drawing.screen(x, 350))
    assert heard == ["square", None]


def test_delete_asks_for_the_selected_region(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    asked: list[str] = []
    drawing.canvas.rois_delete_requested.connect(asked.extend)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Delete)
    drawing.canvas.set_selected("square")
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Delete)
    assert asked == ["square"]


def test_the_minimap_leads_anywhere(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.scene.decorated = True
    place = canvas.scene.minimap_place()
    assert place is not None
    quarter = QPoint(place.x() + place.width() // 4, place.y() + place.height() // 4)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=quarter)
    state = canvas.view_state()
    assert state.center_x == pytest.approx(250, abs=15)
    assert state.center_y == pytest.approx(175, abs=15)
    assert state.downsample == 1.0
    assert drawing.clicked == []


def test_the_cursor_place_is_told_in_slide_pixels(drawing: Driver) -> None:
    heard: list[tuple[float, float]] = []
    drawing.canvas.cursor_moved.connect(lambda x, y: heard.append((x, y)))
    QTest.mouseMove(drawing.canvas, drawing.screen(432, 321))
    assert heard[-1] == (432, 321)


def test_escape_without_a_drawing_leaves_the_tool(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    assert drawing.canvas.tool() == "pan"


def test_a_space_bar_let_go_in_another_window_does_not_stick(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("lasso")
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    left = QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason)
    QApplication.sendEvent(canvas, left)
    drawing.drag(*circle(500, 350, 80))
    assert len(drawing.drawn) == 1


def test_the_place_under_a_still_mouse_is_told_as_the_view_moves(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    told: list[tuple[float, float]] = []
    driver.canvas.cursor_moved.connect(lambda x, y: told.append((x, y)))
    driver.look_at(500, 350, 2.0)
    assert not told  # the mouse is elsewhere
    QTest.mouseMove(driver.canvas, driver.screen(540, 370))
    driver.look_at(600, 350, 4.0)
    assert told[0] == pytest.approx((540, 370), abs=2)
    assert told[-1] == pytest.approx((680, 390), abs=4)
