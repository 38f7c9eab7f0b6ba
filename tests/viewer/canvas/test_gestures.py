"""Wheel, touchpad and touch screen: what each moves."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import (
    QInputDevice,
    QNativeGestureEvent,
    QPointingDevice,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.viewer.canvas.conftest import Driver
from viewer.canvas import ViewState, habits
from viewer.state.preferences import Preferences

PHASES = Qt.ScrollPhase
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
MIDDLE = QPoint(200, 150)


@pytest.fixture(scope="module")
def touchpad() -> QPointingDevice:
    return QPointingDevice(
        "touchpad", 7, QInputDevice.DeviceType.TouchPad, QPointingDevice.PointerType.Finger,
        QInputDevice.Capability.Scroll, 2, 3,
    )  # fmt: skip


def scroll(
    driver: Driver,
    pixels: QPoint,
    notches: float = 0.0,
    *,
    phase: PHASES = PHASES.NoScrollPhase,
    keys: Qt.KeyboardModifier = NONE,
    device: QPointingDevice | None = None,
) -> None:
    at = QPointF(MIDDLE)
    event = QWheelEvent(
        at, driver.canvas.mapToGlobal(at), pixels, QPoint(0, round(notches * 120)),
        Qt.MouseButton.NoButton, keys, phase, False,
        Qt.MouseEventSource.MouseEventNotSynthesized,
        device or QPointingDevice.primaryPointingDevice(),
    )  # fmt: skip
    QApplication.sendEvent(driver.canvas, event)


def native(driver: Driver, kind: Qt.NativeGestureType, value: float, by: QPointF) -> None:
    at = QPointF(120, 90)
    event = QNativeGestureEvent(
        kind, QPointingDevice.primaryPointingDevice(), 2, at, at,
        driver.canvas.mapToGlobal(at), value, by,
    )  # fmt: skip
    QApplication.sendEvent(driver.canvas, event)


def test_two_fingers_move_the_slide_with_them(drawing: Driver) -> None:
    scroll(drawing, QPoint(-30, 50), phase=PHASES.ScrollUpdate)
    assert drawing.canvas.view_state() == ViewState(530, 300, 1.0)


def test_a_touchpad_is_known_by_its_device_where_no_phase_is_told(
    drawing: Driver, touchpad: QPointingDevice
) -> None:
    scroll(drawing, QPoint(0, 50), device=touchpad)
    assert drawing.canvas.view_state() == ViewState(500, 300, 1.0)
    scroll(drawing, QPoint(), 1, device=touchpad)  # one that tells no pixels
    assert drawing.canvas.view_state() == ViewState(500, 240, 1.0)


def test_the_wheel_of_a_mouse_zooms_though_it_tells_pixels_as_well(drawing: Driver) -> None:
    scroll(drawing, QPoint(0, 15), 3)
    drawing.settle()
    assert drawing.canvas.view_state() == ViewState(500, 350, pytest.approx(0.5))


def test_two_fingers_zoom_where_the_user_likes_it_so(
    drawing: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(habits, "_now", Preferences(touchpad="zoom"))
    scroll(drawing, QPoint(0, 90), phase=PHASES.ScrollUpdate)
    assert drawing.canvas.view_state() == ViewState(500, 350, pytest.approx(1 / 2**0.5))


def test_with_ctrl_two_fingers_zoom_and_with_the_brush_they_size_it(drawing: Driver) -> None:
    scroll(drawing, QPoint(0, 90), phase=PHASES.ScrollUpdate, keys=CTRL)
    assert drawing.canvas.view_state() == ViewState(500, 350, pytest.approx(1 / 2**0.5))
    drawing.canvas.set_tool("brush")
    brush = drawing.canvas.pointer.tool
    before = brush.radius_px  # type: ignore[attr-defined]
    scroll(drawing, QPoint(0, 90), 1, phase=PHASES.ScrollUpdate, keys=CTRL)
    assert brush.radius_px > before  # type: ignore[attr-defined]


def test_pinching_zooms_about_the_fingers(driver: Driver) -> None:
    start = driver.canvas.view_state().downsample
    place = driver.canvas.camera.view.to_slide(120, 90)
    for _ in range(4):
        native(driver, Qt.NativeGestureType.ZoomNativeGesture, 0.1, QPointF())
    assert driver.canvas.view_state().downsample == pytest.approx(start / 1.1**4)
    after = driver.canvas.camera.view.to_screen(*place)
    assert abs(after.x() - 120) <= 1.6
    assert abs(after.y() - 90) <= 1.6


def test_fingers_that_move_while_pinching_move_the_slide(drawing: Driver) -> None:
    native(drawing, Qt.NativeGestureType.PanNativeGesture, 0.0, QPointF(12, -8))
    assert drawing.canvas.view_state() == ViewState(488, 358, 1.0)


def test_fingers_turn_the_slide_once_they_clearly_turn(drawing: Driver) -> None:
    kinds, camera = Qt.NativeGestureType, drawing.canvas.camera
    for _ in range(2):  # each gesture begins anew
        native(drawing, kinds.BeginNativeGesture, 0.0, QPointF())
        native(drawing, kinds.RotateNativeGesture, 7.0, QPointF())
        assert drawing.canvas.view_state() == ViewState(500, 350, 1.0)
    place = camera.view.to_slide(120, 90)
    for degrees in (6.0, 4.0, -1.0):
        native(drawing, kinds.RotateNativeGesture, degrees, QPointF())
    assert camera.state.rotation == pytest.approx(9.0)
    after = camera.view.to_screen(*place)
    assert abs(after.x() - 120) <= 2 and abs(after.y() - 90) <= 2


def test_two_fingers_on_a_screen_pinch_and_end_what_the_first_one_drew(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("lasso")
    screen = QTest.createTouchDevice()

    def touch() -> QTest.QTouchEventWidgetSequence:
        return QTest.touchEvent(canvas, screen, False)

    left, right = QPoint(170, 150), QPoint(230, 150)
    place = canvas.camera.view.to_slide(200, 150)
    touch().press(0, left, canvas).commit()
    assert canvas.pointer.tool.is_busy  # one finger draws
    touch().move(0, left, canvas).press(1, right, canvas).commit()
    for step in range(1, 7):
        by, down = QPoint(10 * step, 0), QPoint(0, 5 * step)
        touch().move(0, left - by + down, canvas).move(1, right + by + down, canvas).commit()
    touch().release(0, left - by + down, canvas).release(1, right + by + down, canvas).commit()
    assert canvas.view_state().downsample == pytest.approx(60 / 180)
    after = canvas.camera.view.to_screen(*place)
    assert abs(after.x() - 200) <= 1.6 and abs(after.y() - 180) <= 1.6
    assert not canvas.pointer.tool.is_busy and drawing.drawn == []


def test_two_fingers_on_a_screen_turn_the_slide_with_them(drawing: Driver) -> None:
    """By as much as they turn once it is clear that they do; the place between them stays."""
    canvas = drawing.canvas
    screen, middle = QTest.createTouchDevice(), QPoint(200, 150)

    def ends(degrees: float) -> tuple[QPoint, QPoint]:
        turn = math.radians(degrees)
        way = QPoint(round(90 * math.cos(turn)), round(90 * math.sin(turn)))
        return middle - way, middle + way

    place = canvas.camera.view.to_slide(200, 150)
    one, two = ends(0)
    QTest.touchEvent(canvas, screen, False).press(0, one, canvas).commit()
    QTest.touchEvent(canvas, screen, False).move(0, one, canvas).press(1, two, canvas).commit()
    turned = []
    for degrees in range(2, 42, 2):
        one, two = ends(degrees)
        QTest.touchEvent(canvas, screen, False).move(0, one, canvas).move(1, two, canvas).commit()
        turned.append(canvas.view_state().rotation)
    QTest.touchEvent(canvas, screen, False).release(0, one, canvas).release(1, two, canvas).commit()
    assert turned[4] == 0.0  # 10 degrees are none
    assert turned[-1] == pytest.approx(40 - 10, abs=3)
    after = canvas.camera.view.to_screen(*place)
    assert abs(after.x() - 200) <= 3 and abs(after.y() - 150) <= 3
