"""The window without a slide: how to begin, and what was open last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QToolBar
from pytestqt.qtbot import QtBot

from tests.slides import write_pyramid
from tests.viewer.conftest import Bench
from viewer.demo import NAME
from viewer.window.main_window import MainWindow


def button(window: MainWindow, text: str) -> QPushButton:
    found = window.welcome.findChildren(QPushButton)
    return next(b for b in found if b.text() == text and not b.isHidden())


def test_the_first_button_opens_a_slide(window: MainWindow) -> None:
    choose = button(window, "Open slide…")
    assert choose.toolTip() == "Open a slide or an image (Ctrl+O)"
    QTest.mouseClick(choose, Qt.MouseButton.LeftButton)
    (dialog,) = window.findChildren(QFileDialog)
    assert dialog.windowTitle() == "Open slide"
    dialog.reject()


def test_the_demo_is_offered_until_something_is_being_opened(window: MainWindow) -> None:
    demo = button(window, "Try the demo")
    window.welcome.show_progress("Drawing the demo slide", 1, 4)
    assert not demo.isEnabled() and window.welcome._progress.isVisible()
    window.welcome.show_progress("")
    assert demo.isEnabled() and not window.welcome._progress.isVisible()


def test_a_recent_slide_is_opened_from_the_welcome_and_from_the_menu(
    window: MainWindow, slide_file: Path, qtbot: QtBot
) -> None:
    recent = next(m for m in window.findChildren(QMenu) if m.title() == "Open recent")
    assert not recent.isEnabled()
    window.workspace.slides.recents_changed.emit([str(slide_file)])
    assert [a.text() for a in recent.actions()] == [str(slide_file)]
    with qtbot.waitSignal(window.workspace.slides.opened):
        QTest.mouseClick(button(window, slide_file.name), Qt.MouseButton.LeftButton)
    assert window.canvas.isVisible() and not window.welcome.isVisible()
    qtbot.waitUntil(lambda: not window.workspace.busy)
    with qtbot.waitSignal(window.workspace.slides.opened):
        recent.actions()[0].trigger()
    qtbot.waitUntil(lambda: not window.workspace.busy)


def test_the_title_names_the_slide_and_says_what_the_demo_is(bench: Bench) -> None:
    assert bench.window.windowTitle() == "small.tif – SSMamba Viewer"
    bench.document.set_slide(replace(bench.document.slide, name=f"{NAME}.tif"))
    assert bench.window.windowTitle() == "Generated tissue: for trying the program – SSMamba Viewer"
    bench.document.set_slide(None)
    assert bench.window.windowTitle() == "SSMamba Viewer"
    assert bench.window.welcome.isVisible()


def test_the_box_of_slides_shows_when_there_are_two(bench: Bench, tmp_path: Path) -> None:
    box = bench.window.slide_box
    (bar,) = bench.window.findChildren(QToolBar)
    assert not box.isVisible()
    write_pyramid(tmp_path / "other.tif", 640, 480, seed=5)
    bench.open(tmp_path / "other.tif")
    assert box.isVisible() and bar.isAncestorOf(box)
    assert [box.itemText(at) for at in range(box.count())] == ["small.tif", "other.tif"]
    assert box.currentText() == "other.tif"
    with bench.qtbot.waitSignal(bench.work.slides.opened):
        box.setCurrentIndex(0)
        box.activated.emit(0)
    bench.settle()
    assert bench.window.windowTitle().startswith("small.tif")
