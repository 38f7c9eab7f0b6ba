"""Points are marked, counted and taken away by clicks."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver

GROUP = Roi((((((450.0, 300.0), (500.0, 350.0))),),), id="group", kind="point")


def choose(drawing: Driver, roi: Roi = GROUP) -> None:
    drawing.canvas.set_rois([roi])
    drawing.canvas.set_selected(roi.id)
    drawing.canvas.set_tool("point")


def test_the_first_click_makes_a_group_of_points(drawing: Driver) -> None:
    drawing.canvas.set_tool("point")
    drawing.click(480, 310)
    (roi,) = drawing.drawn
    assert (roi.kind, roi.polygons) == ("point", (((((480, 310)),),),))


def test_the_next_clicks_join_the_selected_group(drawing: Driver) -> None:
    choose(drawing)
    drawing.click(520, 320)
    (roi,) = drawing.edited
    assert roi.id == "group" and roi.polygons[0][0] == ((450, 300), (500, 350), (520, 320))
    assert drawing.drawn == []


def test_shift_begins_another_group(drawing: Driver) -> None:
    choose(drawing)
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(drawing.canvas, Qt.MouseButton.LeftButton, shift, drawing.screen(520, 320))
    assert len(drawing.drawn) == 1 and drawing.edited == []


def test_alt_or_the_right_button_takes_the_point_away(drawing: Driver) -> None:
    choose(drawing)
    alt, none = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
    place = drawing.screen(503, 352)
    QTest.mouseClick(drawing.canvas, Qt.MouseButton.LeftButton, alt, place)
    QTest.mouseClick(drawing.canvas, Qt.MouseButton.RightButton, none, place)
    assert [roi.polygons[0][0] for roi in drawing.edited] == [((450, 300),)] * 2
    QTest.mouseClick(drawing.canvas, Qt.MouseButton.RightButton, none, drawing.screen(600, 400))
    assert len(drawing.edited) == 2 and "no point" in drawing.hints[0]


def test_a_group_without_points_is_deleted(drawing: Driver) -> None:
    asked: list[str] = []
    drawing.canvas.rois_delete_requested.connect(asked.extend)
    choose(drawing, Roi(((((450, 300),),),), id="one", kind="point"))
    QTest.mouseClick(drawing.canvas, Qt.MouseButton.RightButton, pos=drawing.screen(450, 300))
    assert asked == ["one"] and drawing.edited == []


def test_a_point_off_the_slide_joins_no_group_and_it_is_said(drawing: Driver) -> None:
    drawing.look_at(0, 0, 1.0)
    choose(drawing)
    drawing.click(-60, -40)
    assert drawing.edited == [] and "outside the slide" in drawing.hints[0]
