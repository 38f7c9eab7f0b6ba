"""Rulers and angles, dragged or clicked, with what they measure beside them."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.rois.measures import angle_of, length_of
from tests.viewer.canvas.conftest import Driver


def test_a_ruler_is_dragged_from_end_to_end(drawing: Driver) -> None:
    drawing.canvas.set_tool("ruler")
    drawing.drag((400, 300), (450, 340), (460, 380))
    (roi,) = drawing.drawn
    assert roi.kind == "ruler" and roi.polygons == ((((400, 300), (460, 380)),),)
    assert length_of(roi) == 100


def test_a_ruler_is_clicked_from_end_to_end(drawing: Driver) -> None:
    drawing.canvas.set_tool("ruler")
    drawing.click(400, 300)
    assert drawing.canvas.pointer.tool.is_busy and drawing.drawn == []
    drawing.click(460, 380)
    assert drawing.drawn[0].polygons == ((((400, 300), (460, 380)),),)
    assert not drawing.canvas.pointer.tool.is_busy


def test_shift_keeps_a_ruler_level(drawing: Driver) -> None:
    drawing.canvas.set_tool("ruler")
    drawing.click(400, 300)
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(drawing.canvas, Qt.MouseButton.LeftButton, shift, drawing.screen(500, 306))
    assert drawing.drawn[0].polygons[0][0][1][1] == pytest.approx(300)


def test_an_angle_takes_three_clicks(drawing: Driver) -> None:
    drawing.canvas.set_tool("angle")
    for place in ((500, 300), (400, 300), (400, 400)):
        drawing.click(*place)
    (roi,) = drawing.drawn
    assert roi.kind == "angle" and angle_of(roi) == pytest.approx(90)


def test_backspace_takes_back_a_place_and_escape_all(drawing: Driver) -> None:
    drawing.canvas.set_tool("angle")
    drawing.click(500, 300)
    drawing.click(450, 350)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Backspace)
    drawing.click(400, 300)
    drawing.click(400, 400)
    assert drawing.drawn[0].polygons[0][0] == ((500, 300), (400, 300), (400, 400))
    drawing.click(450, 350)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    assert not drawing.canvas.pointer.tool.is_busy and len(drawing.drawn) == 1


def test_the_length_stands_beside_the_line_while_it_is_drawn(drawing: Driver) -> None:
    clean = drawing.grab()
    drawing.canvas.set_tool("ruler")
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(400, 350))
    QTest.mouseMove(drawing.canvas, drawing.screen(600, 350))
    changed = (drawing.grab() != clean).any(axis=2)
    ys, _ = np.nonzero(changed[:, 180:230])
    assert ys.min() < 130  # of a label above the line at 150
    drawing.canvas.pointer.cancel()
    assert np.array_equal(drawing.grab(), clean)
