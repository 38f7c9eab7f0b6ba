"""Rectangles and squares."""

from __future__ import annotations

from PySide6.QtCore import Qt

from tests.viewer.canvas.conftest import Driver


def test_a_rectangle_and_with_shift_a_square(drawing: Driver) -> None:
    drawing.canvas.set_tool("rectangle")
    drawing.drag((600, 450), (500, 400), (450, 300))
    drawing.drag((400, 300), (450, 350), (500, 360), modifier=Qt.KeyboardModifier.ShiftModifier)
    rectangle, square = drawing.drawn
    assert rectangle.kind == "rectangle"
    assert rectangle.polygons == ((((450, 300), (600, 300), (600, 450), (450, 450)),),)
    left, top, right, bottom = square.bounds
    assert right - left == bottom - top == 100
