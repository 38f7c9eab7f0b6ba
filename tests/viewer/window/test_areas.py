"""Hiding the panels, the full screen, and moving the keyboard between the parts of the window."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.viewer.conftest import Bench
from viewer.widgets.drop_target import DropTarget


def test_tab_on_the_slide_hides_the_panels_and_brings_back_those_that_were_there(
    bench: Bench,
) -> None:
    window = bench.window
    window.activateWindow()
    window.canvas.setFocus()
    window.docks[1].hide()
    QTest.keyClick(window.canvas, Qt.Key.Key_Tab)
    assert all(dock.isHidden() for dock in window.docks)
    assert window.panels["evidence"].isHidden()
    assert window.actions_by_name["switch_panels"].isChecked()
    QTest.keyClick(window.canvas, Qt.Key.Key_Tab)
    assert [dock.isHidden() for dock in window.docks] == [
        at == 1 for at in range(len(window.docks))
    ]
    assert not window.panels["evidence"].isHidden()


def test_the_keyboard_goes_round_the_parts_of_the_window_both_ways(bench: Bench) -> None:
    window = bench.window
    window.activateWindow()
    window.canvas.setFocus()
    parts = [window.canvas]
    for _ in range(20):
        window.areas.focus_next()
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused is window.canvas:
            break
        parts.append(focused)
    assert len(parts) >= 5, "slide, regions, models, results and tool bar"
    for dock in window.docks:
        assert any(dock.isAncestorOf(part) for part in parts)
    back = []
    for _ in parts[1:]:
        window.areas.focus_next(-1)
        back.append(QApplication.focusWidget())
    assert back == parts[:0:-1]


def test_the_slide_shows_that_the_keyboard_has_come(bench: Bench) -> None:
    canvas = bench.window.canvas
    canvas.setFocus(Qt.FocusReason.MouseFocusReason)
    plain = canvas.grab().toImage().pixelColor(1, 40)
    bench.window.panels["regions"].setFocus()
    canvas.clearFocus()
    canvas.setFocus(Qt.FocusReason.TabFocusReason)
    assert canvas.grab().toImage().pixelColor(1, 40) != plain


def test_a_file_over_the_window_is_shown_where_it_can_be_dropped(bench: Bench) -> None:
    window = bench.window
    (target,) = window.findChildren(DropTarget)
    assert target.isHidden()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/somewhere/slide.svs")])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    nothing = Qt.KeyboardModifier.NoModifier
    window.dragEnterEvent(QDragEnterEvent(QPoint(50, 50), copy, data, left, nothing))
    assert target.isVisible() and target.size() == window.centralWidget().size()
    window.dragLeaveEvent(QDragLeaveEvent())
    assert target.isHidden()
