"""The hint over the demo: there until the first region is drawn, or until it is closed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from tests.viewer.conftest import Bench
from tests.viewer.fakes import square
from viewer.widgets.hint import Hint


def hint(bench: Bench) -> Hint:
    (found,) = bench.window.findChildren(Hint)
    return found


def test_it_is_not_there_without_the_demo(bench: Bench) -> None:
    assert not hint(bench).isVisible()


def test_it_goes_with_the_first_region_that_is_drawn(bench: Bench) -> None:
    bench.work.files.demo_shown.emit()
    assert hint(bench).isVisible()
    bench.window.canvas.roi_drawn.emit(square(10, 10, 60))
    assert not hint(bench).isVisible()


def test_it_is_closed_by_its_button_by_escape_and_with_its_slide(bench: Bench) -> None:
    shown = hint(bench)
    bench.work.files.demo_shown.emit()
    shown.findChild(QToolButton).click()
    assert not shown.isVisible()
    bench.work.files.demo_shown.emit()
    bench.qtbot.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()
    bench.work.files.demo_shown.emit()
    bench.document.set_slide(None)
    assert not shown.isVisible()


def test_a_screen_reader_reads_its_steps(bench: Bench) -> None:
    shown = hint(bench)
    assert shown.accessibleName() == "Three steps to try"
    assert "Press L" in shown.accessibleDescription()
    assert shown.findChild(QToolButton).accessibleName() == "Close hint"
