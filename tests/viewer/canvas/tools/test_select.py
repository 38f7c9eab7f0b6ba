"""Selecting, moving and boxing regions, and adding and removing their vertices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import INNER, SQUARE, Driver

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
ALT, NONE = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


def selected(drawing: Driver, *rois: Roi) -> None:
    drawing.canvas.set_rois(rois)
    drawing.canvas.set_selected(rois[0].id, [roi.id for roi in rois])


def test_a_drag_inside_the_selected_region_moves_it(drawing: Driver) -> None:
    selected(drawing, SQUARE)
    drawing.drag((500, 330), (520, 340), (530, 350))
    (roi,) = drawing.edited
    assert roi.bounds == (450, 290, 610, 450) and roi.id == "square"
    assert drawing.canvas.view_state().center_x == 500  # the slide stood still


def test_a_drag_inside_another_region_pans(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.drag((500, 330), (520, 340), (530, 350))
    assert drawing.edited == [] and drawing.canvas.view_state().center_x == 470


def test_a_selected_region_around_all_of_the_view_lets_the_slide_be_panned(
    drawing: Driver,
) -> None:
    around = replace(SQUARE, polygons=((((10, 10), (990, 10), (990, 690), (10, 690)),),))
    selected(drawing, around)
    drawing.drag((500, 330), (520, 340), (530, 350))
    assert drawing.edited == [] and drawing.canvas.view_state().center_x == 470


def test_selected_regions_move_together_but_locked_ones(drawing: Driver) -> None:
    locked = Roi(((((600, 300), (640, 300), (640, 340)),),), id="locked", locked=True)
    selected(drawing, SQUARE, INNER, locked)
    drawing.drag((500, 350), (505, 350), (510, 350))
    assert {roi.id: roi.bounds[0] for roi in drawing.edited} == {"square": 430, "inner": 490}


def test_escape_during_a_drag_leaves_regions_where_they_were(drawing: Driver) -> None:
    selected(drawing, SQUARE)
    QTest.mousePress(drawing.canvas, LEFT, pos=drawing.screen(500, 330))
    QTest.mouseMove(drawing.canvas, drawing.screen(530, 350))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(drawing.canvas, LEFT, pos=drawing.screen(530, 350))
    assert drawing.edited == [] and drawing.canvas.scene.rois.lifted == frozenset()


def test_a_click_inside_the_selection_selects_what_is_there(drawing: Driver) -> None:
    selected(drawing, SQUARE, INNER)
    drawing.click(440, 300)
    assert drawing.clicked == ["square"] and drawing.edited == []


def test_keys_move_the_selected_regions(drawing: Driver) -> None:
    selected(drawing, SQUARE)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Left, CTRL)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Down, CTRL | SHIFT)
    assert [roi.bounds[:2] for roi in drawing.edited] == [(419, 270), (420, 280)]


@pytest.mark.parametrize("key", [CTRL, SHIFT])
def test_a_click_with_ctrl_or_shift_takes_one_more(
    drawing: Driver, key: Qt.KeyboardModifier
) -> None:
    drawing.canvas.set_rois([SQUARE, INNER])
    told: list[str] = []
    drawing.canvas.roi_toggled.connect(told.append)
    QTest.mouseClick(drawing.canvas, LEFT, key, drawing.screen(440, 300))
    QTest.mouseClick(drawing.canvas, LEFT, key, drawing.screen(650, 460))  # nothing there
    assert told == ["square"] and drawing.clicked == []


def test_a_box_selects_what_lies_in_it_as_a_whole(drawing: Driver) -> None:
    hidden = replace(INNER, id="hidden", hidden=True)
    drawing.canvas.set_rois([SQUARE, INNER, hidden])
    told: list[list[str]] = []
    drawing.canvas.rois_picked.connect(told.append)
    drawing.drag((470, 320), (500, 360), (540, 380), modifier=SHIFT)
    drawing.drag((410, 260), (500, 360), (590, 440), modifier=CTRL)
    assert told == [["inner"], ["square", "inner"]]


def test_a_double_click_on_the_outline_adds_a_vertex(drawing: Driver) -> None:
    selected(drawing, replace(SQUARE, kind="rectangle"))
    QTest.mouseDClick(drawing.canvas, LEFT, pos=drawing.screen(460, 270))
    (roi,) = drawing.edited
    assert roi.kind == "polygon"
    assert roi.polygons[0][0] == ((420, 270), (460, 270), (580, 270), (580, 430), (420, 430))


def test_a_double_click_beside_the_outline_zooms(drawing: Driver) -> None:
    selected(drawing, SQUARE)
    QTest.mouseDClick(drawing.canvas, LEFT, pos=drawing.screen(650, 460))
    drawing.qtbot.waitUntil(lambda: drawing.canvas.view_state().downsample == 0.5)
    assert drawing.edited == []


def test_the_handle_in_the_middle_of_an_edge_makes_a_vertex(drawing: Driver) -> None:
    selected(drawing, SQUARE)
    drawing.drag((580, 350), (600, 350), (640, 360))
    assert drawing.edited[0].polygons[0][0] == (
        (420, 270), (580, 270), (640, 360), (580, 430), (420, 430),
    )  # fmt: skip


def test_alt_and_a_click_removes_a_vertex(drawing: Driver) -> None:
    selected(drawing, SQUARE)
    QTest.mouseClick(drawing.canvas, LEFT, ALT, drawing.screen(580, 270))
    assert drawing.edited[0].polygons[0][0] == ((420, 270), (580, 430), (420, 430))


def test_del_above_a_vertex_removes_it_and_elsewhere_the_region(drawing: Driver) -> None:
    asked: list[str] = []
    drawing.canvas.rois_delete_requested.connect(asked.extend)
    selected(drawing, SQUARE)
    QTest.mouseMove(drawing.canvas, drawing.screen(580, 270))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Delete)
    assert len(drawing.edited[0].polygons[0][0]) == 3 and asked == []
    QTest.mouseMove(drawing.canvas, drawing.screen(500, 350))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Delete)
    assert asked == ["square"]


def test_a_triangle_keeps_its_corners(drawing: Driver) -> None:
    selected(drawing, Roi(((((400, 300), (500, 300), (450, 400)),),), id="triangle"))
    QTest.mouseClick(drawing.canvas, LEFT, ALT, drawing.screen(500, 300))
    assert drawing.edited == [] and "delete the region" in drawing.hints[0]


def test_a_hole_that_gets_too_small_goes(drawing: Driver) -> None:
    hole = ((480, 330), (480, 370), (520, 370))
    selected(drawing, replace(SQUARE, polygons=((*SQUARE.polygons[0], hole),)))
    QTest.mouseClick(drawing.canvas, LEFT, ALT, drawing.screen(480, 370))
    assert drawing.edited[0].polygons == SQUARE.polygons


def test_the_menu_is_asked_for_by_mouse_and_by_key(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    asked: list[tuple[str | None, QPoint]] = []
    drawing.canvas.menu_requested.connect(lambda roi_id, at: asked.append((roi_id, at)))
    from PySide6.QtGui import QContextMenuEvent
    from PySide6.QtWidgets import QApplication

    at = drawing.screen(440, 300)
    for reason in (QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard):
        place = drawing.canvas.mapToGlobal(at)
        QApplication.sendEvent(drawing.canvas, QContextMenuEvent(reason, at, place))
    assert [roi_id for roi_id, _ in asked] == ["square", None]  # nothing is selected here
    assert asked[0][1] == drawing.canvas.mapToGlobal(at)
    assert drawing.clicked == ["square"]  # the region under the mouse is selected first
