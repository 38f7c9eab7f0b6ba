"""The square of the window size: mouse and keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.reading.values import Window
from tests.viewer.canvas.conftest import Driver
from viewer.canvas.tools import TOOLS, FieldSquare

SQUARE = Window(450.0, 300.0, 100.0)


@pytest.fixture
def asked(drawing: Driver) -> Driver:
    drawing.canvas.set_tool(FieldSquare.id)
    drawing.canvas.field_square.begin(SQUARE)
    return drawing


def shown(driver: Driver) -> tuple[float, float, float]:
    square = driver.canvas.field_square.square
    assert square is not None
    return square.x, square.y, square.side


def test_it_is_no_tool_to_choose() -> None:
    assert FieldSquare not in TOOLS


def test_dragging_inside_moves_it_and_a_corner_sizes_it(asked: Driver) -> None:
    changes: list[Window] = []
    asked.canvas.field_changed.connect(changes.append)
    asked.drag((500, 350), (510, 360), (540, 370))
    assert shown(asked) == pytest.approx((490, 320, 100), abs=1.5)
    asked.drag((590, 420), (600, 425), (640, 430))
    assert shown(asked) == pytest.approx((490, 320, 150), abs=2)
    asked.drag((490, 320), (500, 330), (540, 330))  # the corner opposite stays
    x, y, side = shown(asked)
    assert (x + side, y + side) == pytest.approx((640, 470), abs=2) and side < 145
    assert changes[-1] == asked.canvas.field_square.square


def test_a_press_beside_it_pans(asked: Driver) -> None:
    before = asked.canvas.view_state()
    asked.drag((320, 220), (340, 230), (380, 240))
    assert shown(asked) == (450, 300, 100)
    assert asked.canvas.view_state() != before


def test_keys_move_size_and_answer(asked: Driver) -> None:
    answers: list[bool] = []
    asked.canvas.field_answered.connect(answers.append)
    QTest.keyClick(asked.canvas, Qt.Key.Key_Right)
    QTest.keyClick(asked.canvas, Qt.Key.Key_Down)
    assert shown(asked) == pytest.approx((460, 310, 100))
    QTest.keyClick(asked.canvas, Qt.Key.Key_Plus)
    assert shown(asked)[2] == pytest.approx(105)
    QTest.keyClick(asked.canvas, Qt.Key.Key_Minus)
    QTest.keyClick(asked.canvas, Qt.Key.Key_Minus)
    assert shown(asked)[2] == pytest.approx(100 / 1.05)
    QTest.keyClick(asked.canvas, Qt.Key.Key_Return)
    QTest.keyClick(asked.canvas, Qt.Key.Key_Escape)
    assert answers == [True, False]


def test_it_stays_on_the_slide(asked: Driver) -> None:
    for _ in range(60):
        QTest.keyClick(asked.canvas, Qt.Key.Key_Left)
    assert shown(asked)[0] == 0
    asked.canvas.field_square.resize(5000)
    assert shown(asked) == (0, 0, 700)


def test_it_is_painted_where_it_is(asked: Driver) -> None:
    asked.canvas.update()
    grown = asked.grab()
    inside, outside = grown[150, 200].astype(int), grown[20, 20].astype(int)
    asked.canvas.set_tool("pan")
    plain = asked.grab()
    assert (plain[20, 20] == outside).all() and (plain[150, 200] != inside).any()
