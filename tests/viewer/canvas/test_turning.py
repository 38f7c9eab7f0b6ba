"""The mouse turns the slide: around the middle of the view, and with the compass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from tests.slides import write_pyramid
from tests.viewer.canvas.conftest import Driver
from viewer.canvas import ViewState, habits
from viewer.state.preferences import Preferences

SHIFT = Qt.KeyboardModifier.ShiftModifier
MIDDLE = QPoint(300, 200)  # of the canvas


@pytest.fixture
def decorated(make_driver: Callable[..., Driver], tmp_path: Path) -> Driver:
    write_pyramid(tmp_path / "slide.tif")
    made = make_driver(width=600, height=400, decorations=True)
    made.open(tmp_path / "slide.tif")
    made.look_at(500, 350, 1.0)
    return made


def go_around(driver: Driver, *places: QPoint) -> None:
    """With Space, Shift and the left button."""
    QTest.keyPress(driver.canvas, Qt.Key.Key_Space)
    QTest.mousePress(driver.canvas, Qt.MouseButton.LeftButton, SHIFT, places[0])
    for place in places[1:]:
        QTest.mouseMove(driver.canvas, place)
    QTest.mouseRelease(driver.canvas, Qt.MouseButton.LeftButton, SHIFT, places[-1])
    QTest.keyRelease(driver.canvas, Qt.Key.Key_Space)


@pytest.mark.parametrize("tool", ["pan", "lasso"])
def test_the_slide_turns_as_far_as_the_mouse_goes_around(decorated: Driver, tool: str) -> None:
    decorated.canvas.set_tool(tool)
    go_around(decorated, MIDDLE + QPoint(100, 0), MIDDLE + QPoint(100, 60), MIDDLE + QPoint(70, 70))
    state = decorated.canvas.view_state()
    assert state.rotation == 45.0
    assert (state.center_x, state.center_y) == pytest.approx((500, 350))
    assert not decorated.drawn and not decorated.clicked
    go_around(decorated, MIDDLE + QPoint(0, -90), MIDDLE + QPoint(-64, -64))
    assert decorated.canvas.view_state().rotation == 0.0


def test_near_a_quarter_turn_it_snaps_in_and_out_again(decorated: Driver) -> None:
    go_around(decorated, MIDDLE + QPoint(100, 0), MIDDLE + QPoint(2, 100))
    assert decorated.canvas.view_state().rotation == 90.0
    go_around(decorated, MIDDLE + QPoint(100, 0), MIDDLE + QPoint(100, 9))
    assert decorated.canvas.view_state().rotation == pytest.approx(95.14, abs=0.01)


def test_the_compass_is_there_only_where_the_slide_is_turned(decorated: Driver) -> None:
    scene = decorated.canvas.scene
    assert scene.compass_place() is None
    upright = decorated.grab()
    decorated.canvas.camera.turn_to(90.0)
    decorated.settle()
    place = scene.compass_place().toRect()  # type: ignore[union-attr]
    shown = decorated.grab()[place.top() : place.bottom(), place.left() : place.right()].astype(int)
    red = (shown[..., 0] - shown[..., 1] > 100) & (shown[..., 0] - shown[..., 2] > 100)
    columns = red.nonzero()[1]
    assert columns.size > 10
    assert columns.min() >= place.width() // 2 - 5  # to the right, where the slide's top is
    decorated.canvas.camera.turn_to(0.0)
    decorated.settle()
    assert (decorated.grab() == upright).all()


def test_a_click_on_the_compass_sets_the_slide_upright(decorated: Driver) -> None:
    """And a double click does no more than that, whatever the tool."""
    canvas = decorated.canvas
    canvas.set_tool("point")
    canvas.camera.turn_to(30.0)
    at = canvas.scene.compass_place().center().toPoint() + QPoint(5, 12)  # type: ignore[union-attr]
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert canvas.view_state().rotation == 0.0
    canvas.set_tool("pan")
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    decorated.settle()
    assert canvas.view_state() == ViewState(500, 350, 1.0)
    assert not decorated.drawn and not decorated.clicked


def test_the_compass_turns_with_the_mouse(decorated: Driver) -> None:
    canvas = decorated.canvas
    canvas.camera.turn_to(30.0)
    middle = canvas.scene.compass_place().center().toPoint()  # type: ignore[union-attr]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(0, -20))
    QTest.mouseMove(canvas, middle + QPoint(60, 0))
    assert canvas.view_state().rotation == pytest.approx(120.0, abs=4)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    assert canvas.view_state().rotation == pytest.approx(120.0, abs=4)
    QTest.mouseMove(canvas, middle + QPoint(0, 60))
    assert canvas.view_state().rotation == pytest.approx(120.0, abs=4)


def test_the_compass_gives_way_to_the_minimap(
    decorated: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = decorated.canvas
    canvas.camera.turn_to(30.0)
    right = canvas.scene.compass_place()
    monkeypatch.setattr(habits, "_now", Preferences(minimap_corner="top-right"))
    minimap, left = canvas.scene.minimap_place(), canvas.scene.compass_place()
    assert right is not None and left is not None and minimap is not None
    assert right.left() > 300 > left.right()
    assert not left.toRect().intersects(minimap)
