"""A quick pan goes on by itself for a moment."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QProxyStyle, QStyle

from tests.viewer.canvas.conftest import Driver
from viewer.canvas import habits
from viewer.canvas.glide import Glide
from viewer.state.preferences import Preferences

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
TYPES = QEvent.Type


def mouse(driver: Driver, kind: QEvent.Type, x: float, ms: int) -> None:
    at = QPointF(x, 150)
    button = NONE if kind == TYPES.MouseMove else LEFT
    held = NONE if kind == TYPES.MouseButtonRelease else LEFT
    event = QMouseEvent(
        kind, at, driver.canvas.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier
    )
    event.setTimestamp(ms)
    QApplication.sendEvent(driver.canvas, event)


def push(driver: Driver, *, ms: int = 8, held_ms: int = 0) -> float:
    """Drag 100 px to the left, a step of 10 px each ``ms``; where the view is when let go."""
    mouse(driver, TYPES.MouseButtonPress, 300, 1000)
    for step in range(1, 11):
        mouse(driver, TYPES.MouseMove, 300 - 10 * step, 1000 + ms * step)
    x = driver.canvas.view_state().center_x
    mouse(driver, TYPES.MouseButtonRelease, 200, 1000 + 10 * ms + held_ms)
    return x


def glide_of(driver: Driver) -> Glide:
    (found,) = driver.canvas.findChildren(Glide)
    return found


@pytest.fixture
def far_left(driver: Driver) -> Driver:
    driver.look_at(200, 350, 0.5)
    return driver


def test_a_quick_pan_glides_on_slows_down_and_ends(far_left: Driver) -> None:
    places: list[float] = []
    let_go = push(far_left)
    far_left.canvas.view_changed.connect(lambda state: places.append(state.center_x))
    glide = glide_of(far_left)
    assert glide.is_running
    far_left.qtbot.waitUntil(lambda: not glide.is_running)
    assert places == sorted(places) and places[0] > let_go
    # 10 px each 8 ms, which slow down in 300 ms; two screen pixels are a slide pixel
    assert places[-1] - let_go == pytest.approx(10 / 8 * 300 / 2, rel=0.1)


def test_a_press_holds_it(far_left: Driver) -> None:
    push(far_left)
    mouse(far_left, TYPES.MouseButtonPress, 100, 1200)
    assert not glide_of(far_left).is_running


def test_another_movement_ends_it(far_left: Driver) -> None:
    push(far_left)
    glide = glide_of(far_left)
    QTest.keyClick(far_left.canvas, Qt.Key.Key_Left)
    there = far_left.canvas.view_state()
    far_left.qtbot.waitUntil(lambda: not glide.is_running)
    assert far_left.canvas.view_state() == there


@pytest.mark.parametrize("pan", [{"ms": 100}, {"held_ms": 90}], ids=["slow", "held still"])
def test_a_slow_pan_ends_where_it_is_let_go(far_left: Driver, pan: dict[str, int]) -> None:
    push(far_left, **pan)
    assert not glide_of(far_left).is_running


def test_it_can_be_switched_off(far_left: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(habits, "_now", Preferences(glide=False))
    push(far_left)
    assert not glide_of(far_left).is_running


def test_it_keeps_still_where_the_system_asks_for_it(
    far_left: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Still(QProxyStyle):
        def styleHint(self, hint: QStyle.StyleHint, *others: object) -> int:
            is_duration = hint == QStyle.StyleHint.SH_Widget_Animation_Duration
            return 0 if is_duration else super().styleHint(hint, *others)

    still = Still()
    monkeypatch.setattr(QApplication, "style", staticmethod(lambda: still))
    push(far_left)
    assert not glide_of(far_left).is_running
