"""The scale comes from a line of known length: one that is drawn for it, or a ruler."""

from __future__ import annotations

from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from ssmamba.rois.roi import Roi
from tests.viewer.conftest import Bench
from viewer.state.settings import SlideSettings
from viewer.window.calibration import CalibrationDialog
from viewer.window.known_length import KnownLengthDialog

ODD = "No slide has pixels of that size. Check the number and its unit."
D = TypeVar("D", bound=QDialog)
RULER = Roi(((((100.0, 100.0), (500.0, 100.0)),),), id="ruler", kind="ruler")


def shown(bench: Bench, kind: type[D]) -> D | None:
    """The open dialog of a kind."""
    found = [dialog for dialog in bench.window.findChildren(kind) if dialog.isVisible()]
    return found[0] if found else None


def drag(bench: Bench, start: tuple[float, float], end: tuple[float, float]) -> None:
    canvas = bench.window.canvas
    at = [canvas.camera.view.to_screen(*place).toPoint() for place in (start, end)]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at[0])
    QTest.mouseMove(canvas, at[1])
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at[1])


def said(dialog: KnownLengthDialog, number: str, unit: str) -> None:
    dialog.unit.setCurrentText(unit)
    dialog.length.selectAll()
    QTest.keyClicks(dialog.length.lineEdit(), number)


def ok(dialog: QDialog) -> object:
    return dialog.findChildren(QDialogButtonBox)[0].button(QDialogButtonBox.StandardButton.Ok)


@pytest.fixture
def asked(qtbot: QtBot) -> KnownLengthDialog:
    """For a line of 4000 px on a slide that says 0.26 µm/px."""
    dialog = KnownLengthDialog(4000.0, 0.26)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # pytest-qt closes it again
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


@pytest.mark.parametrize(("number", "unit"), [("1", "mm"), ("1000", "µm"), ("1,0", "mm")])
def test_a_length_says_the_scale_beside_that_of_the_file(
    asked: KnownLengthDialog, number: str, unit: str
) -> None:
    told: list[float] = []
    asked.told_mpp.connect(told.append)
    said(asked, number, unit)
    assert asked.told.text() == "One slide pixel is 0.2500 µm. The file says 0.2600 µm."
    QTest.keyClick(asked, Qt.Key.Key_Return)
    assert told == [0.25] and not asked.isVisible()


@pytest.mark.parametrize(
    ("px", "number", "unit", "text"),
    [
        (4000.0, "0", "mm", "Enter the true length of the line."),
        (4000.0, "900000", "mm", ODD),
        (4000.0, "0.1", "µm", ODD),
        (
            9.0, "1", "mm",
            "This line is too short to tell the scale. Draw one of at least 20 px.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_and_not_accepted(
    asked: KnownLengthDialog, px: float, number: str, unit: str, text: str
) -> None:
    asked.set_px(px)
    said(asked, number, unit)
    assert asked.told.text() == text
    assert not ok(asked).isEnabled()  # type: ignore[attr-defined]
    asked.accept()
    assert asked.isVisible()


def test_a_short_line_says_how_exact_it_is(asked: KnownLengthDialog) -> None:
    asked.set_px(100.0)
    said(asked, "25", "µm")
    assert asked.told.text().endswith("Accurate to about 2 %; a longer line is more exact.")


def test_a_ruler_sets_the_scale(bench: Bench) -> None:
    action = bench.window.actions_by_name["known_length"]
    assert not action.isEnabled()
    bench.document.add([RULER])
    bench.document.select("ruler")
    assert action.isEnabled() and action in bench.window.panels["regions"].menu_groups[-1]
    action.trigger()
    dialog = shown(bench, KnownLengthDialog)
    assert dialog is not None
    assert "The line is 400.0 px long." in [label.text() for label in dialog.findChildren(QLabel)]
    said(dialog, "0.1", "mm")
    dialog.accept()
    assert bench.document.slide_settings == SlideSettings(mpp=0.25)
    assert bench.window.canvas.camera.mpp == 0.25
    assert shown(bench, KnownLengthDialog) is None


def test_a_line_can_be_drawn_for_the_calibration(bench: Bench) -> None:
    canvas, document = bench.window.canvas, bench.document
    canvas.set_tool("lasso")
    bench.window.dialogs.calibrate()
    calibration = shown(bench, CalibrationDialog)
    assert calibration is not None
    (link,) = [b for b in calibration.findChildren(QPushButton) if b.text() == "Measure a line…"]
    link.click()
    assert shown(bench, CalibrationDialog) is None  # it makes room for the slide
    drag(bench, (100, 300), (300, 300))
    dialog = shown(bench, KnownLengthDialog)
    assert dialog is not None
    drag(bench, (100, 300), (500, 300))  # another try
    assert shown(bench, KnownLengthDialog) is dialog
    said(dialog, "120", "µm")
    dialog.accept()
    assert shown(bench, CalibrationDialog) is calibration
    assert calibration.mpp.value() == pytest.approx(0.3, abs=0.002)
    assert document.slide_settings.mpp is None  # until it is accepted there
    assert canvas.tool() == "lasso" and not document.rois
    calibration.accept()
    assert document.slide_settings.mpp == pytest.approx(0.3, abs=0.002)


def test_escape_brings_the_calibration_back_as_it_was(bench: Bench) -> None:
    bench.window.dialogs.calibrate()
    calibration = shown(bench, CalibrationDialog)
    assert calibration is not None
    calibration.mpp.setValue(0.4)
    calibration.line_requested.emit()
    drag(bench, (100, 300), (300, 300))
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_Escape)
    assert shown(bench, KnownLengthDialog) is None
    assert shown(bench, CalibrationDialog) is calibration and calibration.mpp.value() == 0.4
    calibration.line_requested.emit()
    bench.window.dialogs.calibrate()  # by the menu, instead of a line
    assert shown(bench, CalibrationDialog) is calibration
    assert bench.window.canvas.tool() == "pan"
    calibration.line_requested.emit()
    bench.document.set_slide(None)  # another slide: its scale is its own
    assert shown(bench, CalibrationDialog) is shown(bench, KnownLengthDialog) is None
    assert bench.window.canvas.tool() == "pan"
