"""What the drawing tools have in common."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.viewer.canvas.conftest import Driver


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
    assert "off the slide" in drawing.hints[0]


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
