"""A new tool is one class and one entry of the list: it draws, edits, paints and reads pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtTest import QTest

from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver
from viewer.canvas.base import CanvasBase
from viewer.canvas.pixels import Pixels
from viewer.canvas.tools import TOOLS
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View

MARK = (255, 0, 255)


class Stamp(Tool):
    """A click stamps a triangle; on the selected ROI it moves that ROI by 10 px instead."""

    id = "stamp"
    text = "Stamp"
    keys = "T"
    cursor = Qt.CursorShape.UpArrowCursor

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.at: Cursor | None = None
        self.seen: list[Pixels] = []
        self.cancelled = 0

    def press(self, at: Cursor) -> bool:
        if at.modifiers & Qt.KeyboardModifier.AltModifier:
            return False
        self.at = at
        self.read_pixels(at.around(2), self.seen.append)
        return True

    def release(self, at: Cursor) -> None:
        x, y = at.point
        if self.selected is not None and self.scene.roi_at(x, y) == self.selected.id:
            rings = self.selected.polygons[0]
            moved = tuple(tuple((px + 10, py) for px, py in ring) for ring in rings)
            self.edit(replace(self.selected, polygons=(moved,)))
        else:
            self.make(Roi(((((x, y), (x + 40, y), (x, y + 40)),),)))

    def double_click(self, at: Cursor) -> None:
        self.canvas.hint.emit("stamped twice")

    def key(self, key: Qt.Key) -> bool:
        if key == Qt.Key.Key_Left and self.at is not None:  # taken from the canvas, which pans
            self.at = replace(self.at, x=self.at.x - 50)
            return True
        return False

    @property
    def is_busy(self) -> bool:
        return self.at is not None

    def cancel(self) -> None:
        self.cancelled += self.is_busy
        self.at = None

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        if self.at is not None:
            x, y = view.to_screen(*self.at.point).toTuple()
            painter.fillRect(int(x) - 3, int(y) - 3, 7, 7, QColor(*MARK))


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
    stamping.canvas.roi_edited.connect(edited.append)
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
