"""The palette in the window: number keys, clicks, and what comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QLineEdit
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Bench
from tests.viewer.fakes import square
from viewer.panels.class_list import pen_place
from viewer.panels.classes import ClassesPanel
from viewer.state.settings import RegionClass

NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> ClassesPanel:
    classes = bench.window.workspace.classes
    classes.add(RegionClass("Tumour", (200, 0, 0)))
    classes.add(RegionClass("Stroma", (0, 120, 0)))
    bench.window.workspace.document.select(None)
    bench.window.activateWindow()
    bench.window.canvas.setFocus()
    qtbot.waitUntil(bench.window.canvas.hasFocus)
    return bench.window.panels["classes"]


def number_of(panel: ClassesPanel, name: str) -> str:
    return str(panel.model.row_of(name) + 1)


def row_place(panel: ClassesPanel, name: str) -> QRectF:
    return QRectF(panel.view.visualRect(panel.model.index(panel.model.row_of(name))))


def press(bench: Bench, key: str, modifier: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(bench.window.canvas, getattr(Qt.Key, f"Key_{key}"), modifier)


def test_a_number_sets_the_class_of_the_selected_region(bench: Bench, panel: ClassesPanel) -> None:
    document = bench.window.workspace.document
    document.add([square(10, 10, 50, "A", "a")])
    document.select("a")
    press(bench, number_of(panel, "Stroma"))
    roi = document.roi("a")
    assert roi is not None and (roi.user_class, roi.color) == ("Stroma", (0, 120, 0))
    assert bench.window.workspace.classes.drawn is None, "new regions are as they were"
    press(bench, "0")
    assert document.rois[-1].class_name == ""
    document.undo()
    assert document.rois[-1].class_name == "Stroma"


def test_without_a_selection_a_number_chooses_the_class_of_new_regions(
    bench: Bench, panel: ClassesPanel
) -> None:
    document, canvas = bench.window.workspace.document, bench.window.canvas
    press(bench, number_of(panel, "Tumour"))
    assert canvas.scene.drawn_color == (200, 0, 0), "the outline has the colour while it is drawn"
    canvas.roi_drawn.emit(square(10, 10, 50, roi_id="new"))
    drawn = document.roi("new")
    assert drawn is not None and (drawn.user_class, drawn.color) == ("Tumour", (200, 0, 0))
    press(bench, number_of(panel, "Stroma"), Qt.KeyboardModifier.AltModifier)
    assert document.roi("new") is drawn, "Alt leaves the selected region alone"
    canvas.roi_drawn.emit(square(90, 10, 50, roi_id="next"))
    assert document.roi("next").user_class == "Stroma"
    press(bench, "0", Qt.KeyboardModifier.AltModifier)
    canvas.roi_drawn.emit(square(160, 10, 50, roi_id="last"))
    assert document.roi("last").user_class == ""


def test_clicks_in_the_palette(bench: Bench, panel: ClassesPanel) -> None:
    document, classes = bench.window.workspace.document, bench.window.workspace.classes
    document.add([square(10, 10, 50, "A", "a")])
    document.select("a")
    place, left = row_place(panel, "Tumour"), Qt.MouseButton.LeftButton
    QTest.mouseClick(panel.view.viewport(), left, pos=place.center().toPoint())
    assert document.roi("a").user_class == "Tumour" and classes.drawn is None
    pen = pen_place(row_place(panel, "Stroma")).center().toPoint()
    QTest.mouseClick(panel.view.viewport(), left, pos=pen)
    assert document.roi("a").user_class == "Tumour"
    assert classes.drawn == RegionClass("Stroma", (0, 120, 0))
    QTest.mouseClick(panel.view.viewport(), left, pos=pen)
    assert classes.drawn is None, "the same place once more: none"


def test_the_keyboard_alone_reaches_everything(bench: Bench, panel: ClassesPanel) -> None:
    document, classes = bench.window.workspace.document, bench.window.workspace.classes
    document.add([square(10, 10, 50, "A", "a")])
    document.select("a")
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(panel.model.row_of("Stroma")))
    QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert document.roi("a").user_class == "Stroma"
    QTest.keyClick(panel.view, Qt.Key.Key_F2)
    (editor,) = panel.view.findChildren(QLineEdit)
    editor.clear()
    QTest.keyClicks(editor, "Capsule")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    bench.qtbot.waitUntil(lambda: document.roi("a").user_class == "Capsule")
    assert classes.named("Stroma") is None
    told: list[str] = []
    bench.window.canvas.hint.connect(told.append)
    QTest.keyClick(panel.view, Qt.Key.Key_Delete)
    assert classes.named("Capsule") is not None and "Merge" in told[-1]


def test_a_new_class_gets_a_colour_of_its_own(bench: Bench, panel: ClassesPanel) -> None:
    bench.window.actions_by_name["add_class"].trigger()
    (dialog,) = panel.findChildren(QInputDialog)
    dialog.setTextValue(" Necrosis ")
    dialog.accept()
    made = bench.window.workspace.classes.named("Necrosis")
    others = [row.shown for row in bench.window.workspace.classes.listed if row.shown != made]
    assert made is not None and made.color not in {other.color for other in others}


def test_a_file_with_ampersand_and_many_classes_does_no_harm(
    bench: Bench, panel: ClassesPanel
) -> None:
    document = bench.window.workspace.document
    document.add([replace(square(9, 9, 9), class_name=f"Class & {n}") for n in range(30)])
    assert panel.model.rowCount() >= 32
    assert not panel.view.indexAt(QPoint(-5, -5)).isValid()
    text = bench.window.actions_by_name["class_9"].text()
    assert "&&" in text or "&" not in text
