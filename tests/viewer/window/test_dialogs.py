"""What the file choosers hand over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMessageBox
from pytestqt.qtbot import QtBot

from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.exporting.facts import Facts, RegionFacts
from viewer.state.document import Document
from viewer.window.dialogs import Dialogs


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


def answer(button: QMessageBox.StandardButton, asked: list[str]) -> None:
    """Answer the question that comes up next."""

    def click() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.append(box.text())
            box.button(button).click()
        else:
            QTimer.singleShot(10, click)

    QTimer.singleShot(0, click)


def test_an_export_asks_before_it_replaces_and_is_of_the_slide_it_was_asked_for(
    window: QMainWindow, tmp_path: Path
) -> None:
    old = tmp_path / "old.geojson"
    old.write_text("old")
    exported: list[tuple] = []
    document = Document()
    exports = SimpleNamespace(
        facts=lambda: Facts(document.slide, 0.5, True, (RegionFacts(document.rois[0]),), ""),
        write_regions=lambda path, facts, answers: exported.append((path, facts.info, answers)),
    )
    work = SimpleNamespace(document=document, exports=exports)
    info = replace(INFO, path=str(tmp_path / "a.svs"))
    document.set_slide(info)
    document.add([square(0, 0, 9, "A")])
    Dialogs(window, work).export_regions()
    document.set_slide(replace(INFO, quick_hash="other"))  # it was being opened all the while
    (dialog,) = window.findChildren(QFileDialog)
    dialog.selectFile(str(tmp_path / "old"))
    asked: list[str] = []
    answer(QMessageBox.StandardButton.No, asked)
    dialog.accept()
    assert "old.geojson" in asked[0] and not exported
    answer(QMessageBox.StandardButton.Yes, asked)
    dialog.accept()
    assert exported == [(str(old), info, True)]


def test_a_window_that_cannot_keep_all_goes_only_when_told_to(window: QMainWindow) -> None:
    asked: list[str] = []
    for text, leaves in (("Cancel", False), ("Close without saving", True)):

        def click(text: str = text) -> None:
            box = QApplication.activeModalWidget()
            asked.append(box.text())
            next(b for b in box.buttons() if b.text() == text).click()

        QTimer.singleShot(50, click)
        assert Dialogs(window, None).leave_anyway(["One.", "Two."]) is leaves
    assert asked == ["One.\nTwo."] * 2


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Escape])
def test_no_key_closes_a_window_that_cannot_keep_all(window: QMainWindow, key: Qt.Key) -> None:
    window.show()

    def press() -> None:
        box = QApplication.activeModalWidget()
        QTest.keyClick(box.focusWidget() or box, key)

    QTimer.singleShot(50, press)
    assert not Dialogs(window, None).leave_anyway(["One."])
