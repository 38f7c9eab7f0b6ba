"""Editing ROIs by their vertices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.rois.geometry import area_of, roi_shape
from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import INNER, SQUARE, Driver, circle


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


def test_a_hole_is_edited_and_stays_a_hole(drawing: Driver) -> None:
    hole = ((480, 330), (480, 370), (520, 370), (520, 330))
    drawing.canvas.set_rois([replace(SQUARE, polygons=((*SQUARE.polygons[0], hole),))])
    drawing.canvas.set_selected("square")
    drawing.drag((480, 330), (470, 320), (460, 310))
    (roi,) = drawing.edited
    (rings,) = roi.polygons
    assert len(rings) == 2 and (460, 310) in rings[1]
    assert area_of(roi) < area_of(SQUARE) - 1600


def test_a_line_may_cross_itself(drawing: Driver) -> None:
    line = Roi(((((400, 300), (500, 300), (500, 400), (450, 250)),),), id="line", kind="line")
    drawing.canvas.set_rois([line])
    drawing.canvas.set_selected("line")
    drawing.drag((500, 400), (450, 400), (400, 400))
    assert drawing.edited[0].polygons == ((((400, 300), (500, 300), (400, 400), (450, 250)),),)


def test_an_edit_that_leaves_no_area_is_refused_with_a_reason(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(SQUARE, kind="rectangle")])
    drawing.canvas.set_selected("square")
    drawing.drag((580, 430), (500, 300), (500, 270))
    assert drawing.edited == [] and "no area" in drawing.hints[0]


def test_selecting_another_roi_ends_the_drag(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE, INNER])
    drawing.canvas.set_selected("square")
    clean = drawing.grab()
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(580, 270))
    QTest.mouseMove(drawing.canvas, drawing.screen(620, 230))
    assert not np.array_equal(drawing.grab(), clean)
    drawing.canvas.set_selected("inner")
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(620, 230))
    drawing.canvas.set_selected("square")
    assert drawing.edited == [] and np.array_equal(drawing.grab(), clean)


def test_undoing_during_a_drag_ends_it(drawing: Driver) -> None:
    (ring,) = SQUARE.polygons[0]
    longer = replace(SQUARE, polygons=(((*ring, (420, 350)),),))
    drawing.canvas.set_rois([longer])
    drawing.canvas.set_selected("square")
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(420, 350))
    QTest.mouseMove(drawing.canvas, drawing.screen(440, 350))
    drawing.canvas.set_rois([SQUARE])  # it has no fifth vertex
    QTest.mouseMove(drawing.canvas, drawing.screen(450, 350))
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(450, 350))
    assert drawing.edited == [] and not drawing.canvas.pointer.tool.is_busy


def test_changes_to_other_rois_do_not_end_a_drag(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE, INNER])
    drawing.canvas.set_selected("square")
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(580, 270))
    QTest.mouseMove(drawing.canvas, drawing.screen(600, 260))
    drawing.canvas.set_rois([SQUARE])
    QTest.mouseMove(drawing.canvas, drawing.screen(620, 230))
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(620, 230))
    assert (620, 230) in drawing.edited[0].polygons[0][0]


def test_too_many_vertices_hide_no_line_and_cannot_be_grabbed(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(SQUARE, polygons=(((*circle(500, 350, 80, turns=8),),),))])
    drawing.canvas.set_selected("square")
    drawing.drag((580, 350), (600, 350), (620, 350))  # moves all of it
    (roi,) = drawing.edited
    assert roi.bounds == (460, 270, 620, 430)


def test_handles_that_would_hide_the_outline_are_shown_when_one_zooms_in(drawing: Driver) -> None:
    ring = tuple(circle(500, 350, 40))
    small = replace(SQUARE, polygons=((ring,),))
    drawing.canvas.set_rois([small])
    drawing.canvas.set_selected("square")
    assert len(ring) > 40  # 40 handles of 7 px on a line of 250 px
    drawing.drag((540, 350), (550, 350), (560, 350))  # moves all of it
    (roi,) = drawing.edited
    assert roi.bounds == (480, 310, 560, 390)


def test_handles_stand_on_the_vertices_and_the_cursor_says_that_they_move(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    clean = drawing.grab()
    drawing.canvas.set_selected("square")
    shown = drawing.grab()
    for x, y in SQUARE.polygons[0][0]:
        at = drawing.screen(x, y)
        assert (shown[at.y() - 1 : at.y() + 2, at.x() - 1 : at.x() + 2] == 255).all()
    QTest.mouseMove(drawing.canvas, drawing.screen(580, 270))
    assert drawing.canvas.cursor().shape() == Qt.CursorShape.SizeAllCursor
    QTest.mouseMove(drawing.canvas, drawing.screen(500, 350))
    assert drawing.canvas.cursor().shape() == Qt.CursorShape.PointingHandCursor
    QTest.mouseMove(drawing.canvas, drawing.screen(650, 480))
    assert drawing.canvas.cursor().shape() == Qt.CursorShape.ArrowCursor
    drawing.canvas.set_selected(None)
    drawing.canvas.set_tool("lasso")
    assert np.array_equal(drawing.grab(), clean)  # no handles while one draws
