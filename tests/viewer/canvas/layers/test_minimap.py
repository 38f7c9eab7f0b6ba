"""The overview in the corner."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QContextMenuEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from tests.viewer.canvas.conftest import Driver
from viewer.canvas import habits
from viewer.canvas.layers.minimap import VIEW_INK
from viewer.canvas.minimap_tip import MinimapTip
from viewer.state.preferences import CORNERS, Corner, Preferences
from viewer.state.seen import Seen


@pytest.fixture
def place(driver: Driver) -> QRect:
    driver.canvas.scene.decorated = True
    driver.look_at(500, 350, 1.0)
    found = driver.canvas.scene.minimap_place()
    assert found is not None
    return found


def test_it_shows_the_whole_slide(driver: Driver, place: QRect) -> None:
    driver.look_at(500, 350, 0.05)  # so near that the frame of the view covers little
    shown = driver.grab()[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
    size = place.width(), place.height()
    expected = cv2.resize(driver.picture, size, interpolation=cv2.INTER_AREA)
    inner = np.s_[3:-3, 3:-3]  # without its frame
    assert np.abs(shown[inner].astype(int) - expected[inner]).mean() < 6


def test_a_red_rectangle_marks_the_view(driver: Driver, place: QRect) -> None:
    shown = driver.grab().astype(int)
    red = np.abs(shown - VIEW_INK.getRgb()[:3]).max(axis=2) <= 4
    rows, columns = np.nonzero(red[place.top() : place.bottom(), place.left() : place.right()])
    # x 300..700 of 1000, y 200..500 of 700 are visible
    assert (columns.min() / place.width(), columns.max() / place.width()) == (
        pytest.approx(0.3, abs=0.03), pytest.approx(0.7, abs=0.03)
    )  # fmt: skip
    assert (rows.min() / place.height(), rows.max() / place.height()) == (
        pytest.approx(2 / 7, abs=0.04), pytest.approx(5 / 7, abs=0.04)
    )  # fmt: skip


def test_dragging_on_it_moves_the_view_along_and_draws_nothing(
    driver: Driver, place: QRect
) -> None:
    driver.canvas.set_tool("lasso")
    corners = [place.topLeft() + QPoint(8, 8), place.center(), place.bottomRight() - QPoint(8, 8)]
    QTest.mousePress(driver.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    seen = []
    for corner in corners[1:]:
        QTest.mouseMove(driver.canvas, corner)
        seen.append(driver.canvas.view_state().center_x)
    QTest.mouseRelease(driver.canvas, Qt.MouseButton.LeftButton, pos=corners[-1])
    assert seen == [pytest.approx(500, abs=12), pytest.approx(930, abs=30)]
    assert driver.drawn == [] and driver.hints == []


def test_a_small_widget_has_none(make_driver: Callable[..., Driver], driver: Driver) -> None:
    small = make_driver(width=150, height=120, decorations=True)
    small.canvas.share_source(driver.canvas)
    small.settle()
    assert small.canvas.scene.minimap_place() is None
    large = make_driver(width=400, height=300, decorations=True)
    assert large.canvas.scene.minimap_place() is None  # nor one without a slide


def test_it_goes_when_all_of_the_slide_is_in_view(driver: Driver, place: QRect) -> None:
    driver.canvas.camera.fit()
    assert driver.canvas.scene.minimap_place() is None
    QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, pos=place.center())
    assert driver.clicked == [None]  # the slide's again
    driver.look_at(500, 350, 1.0)
    assert driver.canvas.scene.minimap_place() == place


@pytest.mark.parametrize("corner", CORNERS)
def test_it_is_in_the_corner_that_was_chosen(
    driver: Driver, place: QRect, corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(habits, "_now", Preferences(minimap_corner=corner))
    found = driver.canvas.scene.minimap_place()
    assert found is not None and found.size() == place.size()
    canvas = driver.canvas.rect()
    assert canvas.contains(found)
    assert (found.center().y() < canvas.center().y()) == corner.startswith("top")
    assert (found.center().x() < canvas.center().x()) == corner.endswith("left")
    red = np.abs(driver.grab().astype(int) - VIEW_INK.getRgb()[:3]).max(axis=2) <= 4
    rows, columns = np.nonzero(red)
    assert found.contains(QPoint(int(columns.mean()), int(rows.mean())))
    QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, pos=found.topLeft() + QPoint(2, 2))
    assert driver.canvas.view_state().center_x < 60


def test_in_the_left_corner_it_leaves_the_scale_bar_free(
    driver: Driver, place: QRect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(habits, "_now", Preferences(minimap=False))
    bar = np.s_[-48:, :160]
    before = driver.grab()[bar]
    monkeypatch.setattr(habits, "_now", Preferences(minimap_corner="bottom-left"))
    assert (driver.grab()[bar] == before).all()


def test_it_can_be_hidden(driver: Driver, place: QRect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(habits, "_now", Preferences(minimap=False))
    assert driver.canvas.scene.minimap_place() is None
    assert not (np.abs(driver.grab().astype(int) - VIEW_INK.getRgb()[:3]).max(axis=2) <= 4).any()


def test_it_shows_and_tells_what_was_seen(driver: Driver, place: QRect) -> None:
    minimap = driver.canvas.scene.minimap
    before = driver.grab().astype(int)
    left = [(0.0, 0.0), (250.0, 0.0), (250.0, 700.0), (0.0, 700.0)]
    minimap.seen = Seen.nothing(1000, 700).with_view([left], 2.0)
    driver.canvas.update()
    changed = np.abs(driver.grab().astype(int) - before).max(axis=2) > 8
    columns = np.nonzero(changed)[1]
    assert columns.min() == pytest.approx(place.left(), abs=3)
    assert columns.max() == pytest.approx(place.left() + place.width() / 4, abs=3)
    tip = MinimapTip(driver.canvas)
    at = [QPointF(place.left() + share * place.width(), place.center().y()) for share in (0.1, 0.9)]
    # a slide of 0.5 µm/px is at 20x when it is at 1:1
    assert [tip.text_at(p) for p in at] == ["Seen at 10× or closer", "Not looked at closely yet"]


def test_resting_the_mouse_on_it_tells_more(driver: Driver, place: QRect) -> None:
    assert MinimapTip(driver.canvas).text_at(QPointF(place.center())) == ""  # nobody notes it
    driver.canvas.scene.minimap.seen = Seen.nothing(1000, 700)
    at = place.center()
    QApplication.sendEvent(
        driver.canvas, QHelpEvent(QEvent.Type.ToolTip, at, driver.canvas.mapToGlobal(at))
    )
    assert QToolTip.text().splitlines()[0] == "Not looked at closely yet"
    QToolTip.hideText()


def test_its_menu_is_asked_for_by_the_right_button(driver: Driver, place: QRect) -> None:
    asked: list[QPoint] = []
    driver.canvas.minimap_menu_requested.connect(asked.append)
    at = place.center()
    reason = QContextMenuEvent.Reason.Mouse
    for pos in (at, QPoint(20, 20)):
        event = QContextMenuEvent(reason, pos, driver.canvas.mapToGlobal(pos))
        QApplication.sendEvent(driver.canvas, event)
    assert asked == [driver.canvas.mapToGlobal(at)]
