"""Editing ROIs by their vertices."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.rois.geometry import area_of, roi_shape
from tests.viewer.canvas.conftest import SQUARE, Driver


def test_a_vertex_can_be_dragged(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    drawing.drag((580, 270), (600, 260), (620, 230))
    (roi,) = drawing.edited
    assert roi.id == "square"
    assert (620, 230) in roi.polygons[0][0]
    assert (580, 270) not in roi.polygons[0][0]
    assert drawing.canvas.view_state().center_x == 500  # the slide stood still


def test_a_corner_of_a_rectangle_keeps_it_one(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(SQUARE, kind="rectangle")])
    drawing.canvas.set_selected("square")
    drawing.drag((580, 430), (600, 450), (640, 460))
    assert set(drawing.edited[0].polygons[0][0]) == {(420, 270), (640, 270), (640, 460), (420, 460)}
    assert drawing.edited[0].kind == "rectangle"


def test_a_drag_that_makes_the_outline_cross_is_repaired(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    drawing.drag((580, 270), (450, 400), (350, 480))
    assert roi_shape(drawing.edited[0]).is_valid
    assert area_of(drawing.edited[0]) > 0


def test_a_locked_region_is_not_edited(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(SQUARE, locked=True)])
    drawing.canvas.set_selected("square")
    drawing.drag((580, 270), (600, 260), (620, 230))
    assert drawing.edited == []


def test_escape_during_a_drag_leaves_the_region_as_it_was(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(580, 270))
    QTest.mouseMove(drawing.canvas, drawing.screen(620, 230))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(620, 230))
    assert drawing.edited == []
