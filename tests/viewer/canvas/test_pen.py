"""A pen draws with every tool, and its other end erases."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication

from tests.viewer.canvas.conftest import SQUARE, Driver, circle
from viewer.canvas import ViewState
from viewer.canvas.tools.brush import ERASING

TYPES = QEvent.Type
LEFT, RIGHT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.NoButton


def device(end: QPointingDevice.PointerType, number: int) -> QPointingDevice:
    kind, can = QInputDevice.DeviceType.Stylus, QInputDevice.Capability.Position
    return QPointingDevice("pen", number, kind, end, can, 1, 3)


class Hand:
    """Holds a pen, with its tip or its other end down."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.ends = {
            False: device(QPointingDevice.PointerType.Pen, 11),
            True: device(QPointingDevice.PointerType.Eraser, 12),
        }
        self.ms = 1000
        self.start = driver.canvas.camera.view  # in which all places are meant

    def send(
        self, kind: QEvent.Type, place: tuple[float, float], turned: bool, button: Qt.MouseButton
    ) -> bool:
        """Whether the canvas took it, so that Qt makes no mouse of it."""
        self.ms += 8
        canvas = self.driver.canvas
        at = self.start.to_screen(*place)
        held = NONE if kind == TYPES.TabletRelease or button == NONE else button
        event = QTabletEvent(
            kind, self.ends[turned], at, QPointF(canvas.mapToGlobal(at)), 0.5, 0, 0, 0, 0, 0,
            Qt.KeyboardModifier.NoModifier, NONE if kind == TYPES.TabletMove else button, held,
        )  # fmt: skip
        event.setTimestamp(self.ms)
        event.ignore()
        QApplication.sendEvent(canvas, event)
        return event.isAccepted()

    def stroke(self, *places: tuple[float, float], turned: bool = False) -> None:
        assert self.send(TYPES.TabletPress, places[0], turned, LEFT)
        for place in places:
            assert self.send(TYPES.TabletMove, place, turned, LEFT)
        assert self.send(TYPES.TabletRelease, places[-1], turned, LEFT)

    def tap(self, *places: tuple[float, float]) -> None:
        for place in places:
            assert self.send(TYPES.TabletPress, place, False, LEFT)
            assert self.send(TYPES.TabletRelease, place, False, LEFT)

    def hover(self, place: tuple[float, float], *, turned: bool = False) -> None:
        self.send(TYPES.TabletMove, place, turned, NONE)


@pytest.fixture
def hand(drawing: Driver) -> Hand:
    return Hand(drawing)


def test_it_moves_the_slide(drawing: Driver, hand: Hand) -> None:
    hand.stroke((500, 350), (480, 360), (400, 300))
    assert drawing.canvas.view_state() == ViewState(600, 400, 1.0)


def test_it_chooses_a_region(drawing: Driver, hand: Hand) -> None:
    drawing.canvas.set_rois([SQUARE])
    hand.tap((500, 350))
    assert drawing.clicked == ["square"]


@pytest.mark.parametrize("tool", ["lasso", "rectangle", "ellipse", "brush", "ruler"])
def test_it_draws(drawing: Driver, hand: Hand, tool: str) -> None:
    drawing.canvas.set_tool(tool)
    hand.stroke(*circle(500, 350, 80, 0.9))
    assert len(drawing.drawn) == 1


def test_two_taps_end_a_polygon_as_a_double_click_does(drawing: Driver, hand: Hand) -> None:
    drawing.canvas.set_tool("polygon")
    hand.tap((400, 300), (600, 300))
    assert drawing.drawn == []
    hand.tap((500, 420), (502, 421))
    (roi,) = drawing.drawn
    assert roi.bounds == (400, 300, 600, 420)


def test_quick_strokes_beside_each_other_are_no_double_click(drawing: Driver, hand: Hand) -> None:
    drawing.canvas.set_tool("brush")
    hand.stroke((400, 300), (440, 300))
    hand.stroke((402, 304), (440, 304))
    assert len(drawing.drawn) == 2


@pytest.mark.parametrize("tool", ["brush", "pan", "lasso"])
def test_its_other_end_erases_with_any_tool_in_hand(drawing: Driver, hand: Hand, tool: str) -> None:
    from ssmamba.rois.geometry import area_of

    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    drawing.canvas.set_tool(tool)
    hand.stroke((420, 350), (500, 350), turned=True)
    (roi,) = drawing.edited
    assert area_of(roi) < area_of(SQUARE)
    assert drawing.drawn == [] and drawing.canvas.tool() == tool
    assert drawing.canvas.view_state() == ViewState(500, 350, 1.0)


def test_above_the_tablet_it_shows_the_size_of_the_brush(drawing: Driver, hand: Hand) -> None:
    drawing.canvas.set_tool("brush")

    def red() -> int:
        return int((np.abs(drawing.grab().astype(int) - ERASING).max(axis=2) < 8).sum())

    before = drawing.grab()
    hand.hover((500, 350))
    assert (drawing.grab() != before).any() and red() == 0
    hand.hover((500, 350), turned=True)
    assert red() > 50


def test_a_button_at_its_side_is_left_to_qt(drawing: Driver, hand: Hand) -> None:
    assert not hand.send(TYPES.TabletPress, (500, 350), False, RIGHT)
    assert not hand.send(TYPES.TabletRelease, (500, 350), False, RIGHT)
