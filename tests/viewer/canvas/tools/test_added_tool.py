"""A new tool is one class and one entry of the list: it draws, edits, paints and reads pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver
from tests.viewer.canvas.tools.stamp import MARK, Stamp
from viewer.canvas.tools import TOOLS


@pytest.fixture
def added() -> Iterator[None]:
    TOOLS.append(Stamp)
    yield
    TOOLS.remove(Stamp)


@pytest.fixture
def stamping(added: None, drawing: Driver) -> Driver:
    drawing.canvas.set_tool("stamp")
    return drawing


def stamp(driver: Driver) -> Stamp:
    tool = driver.canvas.pointer.tool
    assert isinstance(tool, Stamp)
    return tool


def test_it_draws_a_new_roi(stamping: Driver) -> None:
    stamping.click(400, 300)
    assert [roi.polygons for roi in stamping.drawn] == [((((400, 300), (440, 300), (400, 340)),),)]


def test_it_edits_the_selected_roi_under_the_same_id(stamping: Driver) -> None:
    drawn: list[Roi] = []
    edited: list[Roi] = []
    stamping.canvas.roi_drawn.connect(drawn.append)
    stamping.canvas.rois_edited.connect(edited.extend)
    stamping.canvas.set_rois([Roi(((((400, 300), (500, 300), (400, 400)),),), id="first")])
    stamping.canvas.set_selected("first")
    stamping.click(420, 320)
    assert stamping.drawn == [] and [roi.id for roi in stamping.edited] == ["first"]
    assert stamping.edited[0].polygons == ((((410, 300), (510, 300), (410, 400)),),)


def test_it_paints_over_the_slide_until_it_is_cancelled(stamping: Driver) -> None:
    clean = stamping.grab()
    stamping.click(400, 300)
    shown = stamping.grab()
    assert (shown[97:104, 97:104] == MARK).all()
    assert (shown[:90] == clean[:90]).all()
    QTest.keyClick(stamping.canvas, Qt.Key.Key_Escape)
    assert np.array_equal(stamping.grab(), clean)
    assert stamp(stamping).cancelled == 1 and stamping.canvas.tool() == "stamp"


def test_it_reads_the_pixels_under_the_mouse(stamping: Driver) -> None:
    stamping.click(432, 321)
    (seen,) = stamp(stamping).seen
    assert (seen.x, seen.y, seen.downsample) == (430, 319, 1.0)
    assert np.array_equal(seen.rgb, stamping.picture[319:323, 430:434])


def test_it_hears_keys_before_the_canvas_does(stamping: Driver) -> None:
    center = stamping.canvas.view_state().center_x
    stamping.click(450, 300)
    QTest.keyClick(stamping.canvas, Qt.Key.Key_Left)
    assert stamping.canvas.view_state().center_x == center
    assert (stamping.grab()[100, 100] == MARK).all()
    QTest.keyClick(stamping.canvas, Qt.Key.Key_Right)
    assert stamping.canvas.view_state().center_x > center


def test_a_press_that_it_does_not_take_pans_or_selects(stamping: Driver) -> None:
    stamping.drag((500, 350), (450, 350), (400, 350), modifier=Qt.KeyboardModifier.AltModifier)
    assert stamping.canvas.view_state().center_x == 600 and stamping.clicked == []
    stamping.drag((600, 350), (600, 350), modifier=Qt.KeyboardModifier.AltModifier)
    assert stamping.clicked == [None]


def test_it_hears_a_double_click_in_place_of_the_canvas(stamping: Driver) -> None:
    before = stamping.canvas.view_state()
    place = stamping.screen(450, 300)
    QTest.mouseDClick(stamping.canvas, Qt.MouseButton.LeftButton, pos=place)
    assert stamping.hints == ["stamped twice"] and stamping.canvas.view_state() == before


def test_its_cursor_is_shown_and_escape_leaves_it(stamping: Driver) -> None:
    chosen: list[str] = []
    stamping.canvas.tool_changed.connect(chosen.append)
    assert stamping.canvas.cursor().shape() == Qt.CursorShape.UpArrowCursor
    QTest.keyPress(stamping.canvas, Qt.Key.Key_Space)
    assert stamping.canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
    QTest.keyRelease(stamping.canvas, Qt.Key.Key_Space)
    QTest.keyClick(stamping.canvas, Qt.Key.Key_Escape)
    assert stamping.canvas.tool() == "pan" and chosen == ["pan"]
    assert stamping.canvas.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_another_tool_or_another_slide_cancels_it(stamping: Driver) -> None:
    tool = stamp(stamping)
    stamping.click(400, 300)
    stamping.open(stamping.path)
    stamping.look_at(500, 350, 1.0)
    assert tool.cancelled == 1
    stamping.click(400, 300)
    stamping.canvas.set_tool("lasso")
    assert tool.cancelled == 2
