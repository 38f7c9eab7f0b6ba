"""Drawing corner by corner."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.viewer.canvas.conftest import Driver


@pytest.mark.parametrize("end", ["enter", "double click", "first corner"])
def test_a_polygon_is_closed_in_three_ways(drawing: Driver, end: str) -> None:
    drawing.canvas.set_tool("polygon")
    corners = [(400, 300), (500, 300), (500, 400)]
    for corner in corners:
        drawing.click(*corner)
    if end == "enter":
        drawing.click(400, 400)
        QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    elif end == "double click":
        drawing.click(400, 400)  # what a real double click sends first
        place = drawing.screen(400, 400)
        QTest.mouseDClick(drawing.canvas, Qt.MouseButton.LeftButton, pos=place)
    else:
        drawing.click(400, 400)
        drawing.click(403, 302)
    (roi,) = drawing.drawn
    assert set(roi.polygons[0][0]) == {*corners, (400, 400)}


def test_backspace_takes_back_a_corner_and_escape_the_whole(drawing: Driver) -> None:
    drawing.canvas.set_tool("polygon")
    for corner in [(400, 300), (500, 300), (690, 490), (500, 400)]:
        drawing.click(*corner)
        if corner == (690, 490):
            QTest.keyClick(drawing.canvas, Qt.Key.Key_Backspace)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    assert len(drawing.drawn[0].polygons[0][0]) == 3
    drawing.click(400, 300)
    drawing.click(500, 300)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    assert len(drawing.drawn) == 1
