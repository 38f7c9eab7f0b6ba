"""What the drawing tools have in common."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.viewer.canvas.conftest import SQUARE, Driver


@pytest.mark.parametrize("tool", ["lasso", "rectangle"])
def test_a_slip_of_the_hand_gives_a_hint_not_a_region(drawing: Driver, tool: str) -> None:
    drawing.canvas.set_tool(tool)
    drawing.drag((500, 350), (502, 351))
    assert drawing.drawn == []
    (hint,) = drawing.hints
    assert "too small" in hint


def test_a_region_off_the_slide_gives_a_hint(drawing: Driver) -> None:
    drawing.look_at(0, 0, 1.0)
    drawing.canvas.set_tool("rectangle")
    drawing.drag((-150, -120), (-100, -100), (-60, -60))
    assert drawing.drawn == []
    assert "outside the slide" in drawing.hints[0]


def test_zooming_while_drawing_keeps_the_drawing(drawing: Driver) -> None:
    drawing.canvas.set_tool("polygon")
    drawing.click(400, 300)
    drawing.click(600, 300)
    drawing.canvas.camera.zoom_at(-0.5, None, smooth=False)
    drawing.canvas.camera.pan_by(40, 20)
    drawing.click(600, 450)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    (roi,) = drawing.drawn
    assert roi.polygons[0][0][:2] == ((400, 300), (600, 300))
    assert roi.polygons[0][0][2] == pytest.approx((600, 450), abs=1.5)


@pytest.mark.parametrize("tool", ["lasso", "rectangle"])
def test_the_preview_shows_what_is_drawn_until_the_button_is_released(
    drawing: Driver, tool: str
) -> None:
    drawing.canvas.set_tool(tool)
    clean = drawing.grab()
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(420, 280))
    for place in [(560, 280), (560, 400)]:
        QTest.mouseMove(drawing.canvas, drawing.screen(*place))
    shown = drawing.grab()
    changed = np.argwhere((shown != clean).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert (left, top) == (pytest.approx(120, abs=6), pytest.approx(80, abs=6))
    assert (right, bottom) == (pytest.approx(260, abs=6), pytest.approx(200, abs=6))
    red, green, _ = shown[80, 190].astype(int)  # on the upper edge
    assert green - red > 100
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(560, 400))
    assert len(drawing.drawn) == 1 and np.array_equal(drawing.grab(), clean)


@pytest.mark.parametrize("key", [Qt.Key.Key_Backspace, Qt.Key.Key_Delete])
@pytest.mark.parametrize("tool", ["lasso", "polygon", "rectangle"])
def test_a_key_that_deletes_spares_the_selected_roi_while_one_draws(
    drawing: Driver, tool: str, key: Qt.Key
) -> None:
    asked: list[str] = []
    drawing.canvas.rois_delete_requested.connect(asked.extend)
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    drawing.canvas.set_tool(tool)
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(420, 280))
    QTest.mouseMove(drawing.canvas, drawing.screen(560, 400))
    QTest.keyClick(drawing.canvas, key)
    assert asked == []
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(560, 400))
    drawing.canvas.pointer.cancel()
    QTest.keyClick(drawing.canvas, key)
    assert asked == ["square"]


@pytest.mark.parametrize("tool", ["lasso", "rectangle"])
def test_escape_drops_the_drawing_and_the_release_draws_nothing(drawing: Driver, tool: str) -> None:
    drawing.canvas.set_tool(tool)
    clean = drawing.grab()
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(420, 280))
    for place in [(500, 280), (560, 400)]:
        QTest.mouseMove(drawing.canvas, drawing.screen(*place))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(560, 400))
    assert drawing.drawn == [] and drawing.hints == [] and drawing.canvas.tool() == tool
    assert np.array_equal(drawing.grab(), clean)


def test_selecting_in_the_list_leaves_a_half_drawn_outline_alone(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_tool("polygon")
    for corner in [(400, 300), (500, 300), (500, 400)]:
        drawing.click(*corner)
    drawing.canvas.set_selected("square")
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    assert len(drawing.drawn) == 1
