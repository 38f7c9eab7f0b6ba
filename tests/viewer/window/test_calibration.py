"""What a user types into the calibration dialog is what the slide gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.viewer.state.test_planning import INFO
from viewer.state.settings import SlideSettings
from viewer.window.calibration import CalibrationDialog


@pytest.fixture(params=["de_DE", "fr_FR", "en_US"])
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


def opened(qtbot: QtBot, mpp: float | None, current: SlideSettings) -> CalibrationDialog:
    """A dialog for a slide of ``mpp``; ``dialog.told`` gets what is accepted."""
    told: list[SlideSettings] = []
    dialog = CalibrationDialog(replace(INFO, mpp=mpp), current, told.append)
    dialog.told = told
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # pytest-qt closes it again
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


@pytest.mark.parametrize("typed", ["0.25", "0,25"])
@pytest.mark.parametrize("mpp", [None, 0.5])
def test_point_and_comma_are_both_the_decimal_sign(
    qtbot: QtBot, locale: str, typed: str, mpp: float | None
) -> None:
    dialog = opened(qtbot, mpp, SlideSettings())
    dialog.mpp.selectAll()
    QTest.keyClicks(dialog.mpp.lineEdit(), typed)
    dialog.mpp.interpretText()
    assert dialog.mpp.text() == ("0.2500 µm" if locale == "en_US" else "0,2500 µm")
    dialog.accept()
    assert dialog.told == [SlideSettings(mpp=0.25)]


def test_a_window_said_in_pixels_stays_when_the_scale_becomes_known(qtbot: QtBot) -> None:
    dialog = opened(qtbot, None, SlideSettings(field_px=224.0))
    assert dialog.field.text() == "224 px"
    dialog.mpp.selectAll()
    QTest.keyClicks(dialog.mpp.lineEdit(), "0.25")
    dialog.mpp.interpretText()
    assert dialog.field.text() == "56 µm"
    dialog.accept()
    assert dialog.told == [SlideSettings(mpp=0.25, field_px=224.0)]


def test_a_window_said_in_micrometres_covers_the_same_tissue_at_another_scale(
    qtbot: QtBot,
) -> None:
    dialog = opened(qtbot, 0.5, SlideSettings())
    dialog.field.setValue(112)
    dialog.mpp.setValue(0.25)
    assert dialog.field.text() == "112 µm"
    dialog.accept()
    assert dialog.told == [SlideSettings(mpp=0.25, field_px=448.0)]


def test_looking_at_the_calibration_changes_nothing(qtbot: QtBot) -> None:
    """A window of 55.2 µm is shown as 55: rounded, it would make every answer outdated."""
    dialog = opened(qtbot, 0.2465, SlideSettings(field_px=224.0))
    dialog.accept()
    assert dialog.told == [SlideSettings(field_px=224.0)]
