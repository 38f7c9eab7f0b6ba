"""Zooming and panning: the place under the cursor stays there, linked canvases agree."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.viewer.canvas.conftest import Driver
from viewer.canvas import ViewState
from viewer.canvas.view import View, fitting, limited

ROTATIONS = st.one_of(st.sampled_from([0.0, 90.0, 180.0, 270.0]), st.floats(0, 359.99))
STATES = st.builds(
    ViewState, st.floats(0, 100_000), st.floats(0, 80_000), st.floats(1 / 64, 512), ROTATIONS
)
VIEWS = st.builds(View, STATES, st.integers(50, 4000), st.integers(50, 3000))


@settings(max_examples=80, deadline=None)
@given(VIEWS, st.floats(0, 1), st.floats(0, 1), st.floats(0.2, 5))
def test_zooming_keeps_the_place_under_the_cursor(
    view: View, share_x: float, share_y: float, factor: float
) -> None:
    px, py = share_x * view.width, share_y * view.height
    before = view.to_slide(px, py)
    after = View(view.zoomed(factor, px, py), view.width, view.height)
    place = after.to_screen(*before)
    # each of the two origins is rounded to a whole pixel, the first one seen at the new scale
    assert abs(place.x() - px) <= 0.51 + 0.5 * factor
    assert abs(place.y() - py) <= 0.51 + 0.5 * factor


def test_many_small_zooms_do_not_drift() -> None:
    view = View(ViewState(50_000, 40_000, 8.0), 1000, 700)
    before = view.to_slide(123, 456)
    for factor in (1.01, 1 / 1.01) * 500:
        view = View(view.zoomed(factor, 123, 456), 1000, 700)
    place = view.to_screen(*before)
    assert (round(place.x()), round(place.y())) == (123, 456)


@settings(max_examples=60, deadline=None)
@given(VIEWS, st.floats(0, 359), st.floats(0, 1), st.floats(0, 1))
def test_turning_keeps_the_place_under_the_cursor(
    view: View, degrees: float, across: float, down: float
) -> None:
    at = across * view.width, down * view.height
    before = view.to_slide(*at)
    after = View(view.turned(degrees, *at), view.width, view.height).to_screen(*before)
    assert math.dist(after.toTuple(), at) <= 1.5  # two origins in whole pixels


@settings(max_examples=60, deadline=None)
@given(VIEWS)
def test_all_of_a_turned_view_lies_in_its_upright_twin(view: View) -> None:
    """And its transform leads from the one to the other."""
    upright, (back, _) = view.upright, view.turn.inverted()
    for x, y in view.corners:
        there = upright.to_screen(x, y)
        assert -2 <= there.x() <= upright.width + 2 and -2 <= there.y() <= upright.height + 2
        assert math.dist(back.map(view.to_screen(x, y)).toTuple(), there.toTuple()) < 1e-4


@settings(max_examples=80, deadline=None)
@given(VIEWS, st.floats(-1e5, 2e5), st.floats(-1e5, 2e5))
def test_screen_and_slide_are_inverse(view: View, x: float, y: float) -> None:
    place = view.to_screen(x, y)
    back = view.to_slide(place.x(), place.y())
    assert back == pytest.approx((x, y), abs=1e-6 * view.state.downsample + 1e-4)


@settings(max_examples=80, deadline=None)
@given(VIEWS, st.integers(-500, 500), st.integers(-500, 500))
def test_panning_by_whole_pixels_moves_the_picture_by_whole_pixels(
    view: View, dx: int, dy: int
) -> None:
    moved = View(view.panned(dx, dy), view.width, view.height)
    shift = moved.origin[0] - view.origin[0], moved.origin[1] - view.origin[1]
    assert abs(shift[0] - dx) <= 1
    assert abs(shift[1] - dy) <= 1


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 5000), st.floats(0, 5000), st.floats(1, 5000), st.floats(1, 5000),
    st.floats(0, 1), ROTATIONS,
)  # fmt: skip
def test_fitting_shows_the_rectangle(
    x: float, y: float, width: float, height: float, margin: float, rotation: float
) -> None:
    state = fitting((x, y, x + width, y + height), 640, 480, margin, rotation)
    view = View(state, 640, 480)
    for corner in ((x, y), (x + width, y), (x, y + height), (x + width, y + height)):
        place = view.to_screen(*corner)
        assert -1 <= place.x() <= 641 and -1 <= place.y() <= 481


@settings(max_examples=100, deadline=None)
@given(STATES, st.integers(1, 100_000), st.integers(1, 100_000))
def test_limits_are_stable(state: ViewState, width: int, height: int) -> None:
    held = limited(state, width, height)
    assert limited(held, width, height) == held
    assert 0 <= held.center_x <= width


def wheel(driver: Driver, at: QPoint, notches: float) -> None:
    event = QWheelEvent(
        QPointF(at),
        driver.canvas.mapToGlobal(QPointF(at)),
        QPoint(),
        QPoint(0, round(notches * 120)),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(driver.canvas, event)


def test_the_wheel_zooms_about_the_cursor(driver: Driver) -> None:
    at = QPoint(290, 80)
    place = driver.canvas.camera.view.to_slide(at.x(), at.y())
    start = driver.canvas.view_state().downsample
    wheel(driver, at, 3)
    driver.settle()
    assert driver.canvas.view_state().downsample == pytest.approx(start / 2, rel=1e-6)
    after = driver.canvas.camera.view.to_screen(*place)
    assert abs(after.x() - at.x()) <= 1.6
    assert abs(after.y() - at.y()) <= 1.6


def test_wheel_zoom_is_spread_over_frames(driver: Driver) -> None:
    scales: list[float] = []
    driver.canvas.view_changed.connect(lambda state: scales.append(state.downsample))
    wheel(driver, QPoint(200, 150), 3)
    driver.settle()
    assert len(scales) >= 5
    assert scales == sorted(scales, reverse=True)


def test_dragging_moves_the_slide_with_the_mouse(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    driver.drag((500, 350), (480, 360), (400, 300))
    assert driver.canvas.view_state() == ViewState(600, 400, 1.0)


def test_the_middle_button_pans_in_every_tool(driver: Driver) -> None:

    driver.look_at(500, 350, 1.0)
    driver.canvas.set_tool("lasso")
    driver.drag((500, 350), (450, 350), (400, 350), button=Qt.MouseButton.MiddleButton)
    assert driver.canvas.view_state().center_x == 600
    QTest.keyPress(driver.canvas, Qt.Key.Key_Space)
    driver.drag((600, 350), (650, 350), (700, 350))
    QTest.keyRelease(driver.canvas, Qt.Key.Key_Space)
    assert driver.canvas.view_state().center_x == 500


def test_arrow_keys_pan(driver: Driver) -> None:
    driver.look_at(500, 350, 1.0)
    QTest.keyClick(driver.canvas, Qt.Key.Key_Right)
    assert driver.canvas.view_state().center_x > 500


def test_a_resize_keeps_a_fitted_slide_fitted_but_not_a_chosen_view(driver: Driver) -> None:
    driver.canvas.resize(800, 600)
    driver.settle()
    assert driver.canvas.view_state().downsample == pytest.approx(1000 * 1.04 / 800)
    driver.look_at(300, 200, 2.0)
    driver.canvas.resize(500, 400)
    assert driver.canvas.view_state() == ViewState(300, 200, 2.0)


def test_magnification_follows_calibration(driver: Driver) -> None:
    canvas = driver.canvas
    driver.look_at(500, 350, 1.0)
    assert canvas.camera.magnification() == pytest.approx(20.0)  # 0.5 µm/px
    canvas.camera.set_magnification(5)
    assert canvas.view_state().downsample == pytest.approx(4.0)
    canvas.set_mpp(0.25)
    assert canvas.camera.magnification() == pytest.approx(10.0)
    canvas.set_mpp(None)
    assert canvas.camera.magnification() == pytest.approx(5.0)


def test_the_slide_cannot_be_lost(driver: Driver) -> None:
    driver.canvas.set_view_state(ViewState(-1e9, 1e9, 1e9))
    state = driver.canvas.view_state()
    assert (state.center_x, state.center_y) == (0, 700)
    assert math.isfinite(state.downsample)
    assert 1000 / state.downsample >= 40


def test_linked_canvases_follow_and_do_not_echo(
    driver: Driver, make_driver: Callable[..., Driver]
) -> None:
    other = make_driver(width=250, height=333)
    other.canvas.share_source(driver.canvas)
    assert other.canvas.scene.info is driver.canvas.scene.info
    heard: list[ViewState] = []
    driver.canvas.view_changed.connect(other.canvas.set_view_state)
    other.canvas.view_changed.connect(driver.canvas.set_view_state)
    driver.canvas.view_changed.connect(heard.append)
    for state in (ViewState(1, 2, 3), ViewState(-50, 9999, 1e9), ViewState(400, 300, 0.7)):
        heard.clear()
        driver.canvas.set_view_state(state)
        assert len(heard) == 1
        assert other.canvas.view_state() == driver.canvas.view_state()
    other.settle()


def test_double_click_comes_nearer(driver: Driver) -> None:
    start = driver.canvas.view_state().downsample
    QTest.mouseDClick(driver.canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    driver.settle()
    assert driver.canvas.view_state().downsample == pytest.approx(start / 2, rel=1e-6)
