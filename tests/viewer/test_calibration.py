"""What a user types into the calibration dialog is what the slide gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.viewer.test_planning import INFO
from viewer.panels.calibration import CalibrationDialog
from viewer.settings import Calibration


@pytest.fixture(params=["de_DE", "fr_FR", "en_US"])
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


def opened(qtbot: QtBot, mpp: float | None, current: Calibration) -> CalibrationDialog:
    """A dialog for a slide of ``mpp``; ``dialog.told`` gets what is accepted."""
    told: list[Calibration] = []
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
    dialog = opened(qtbot, mpp, Calibration())
    dialog.mpp.selectAll()
    QTest.keyClicks(dialog.mpp.lineEdit(), typed)
    dialog.mpp.interpretText()
    assert dialog.mpp.text() == ("0.2500 µm" if locale == "en_US" else "0,2500 µm")
    dialog.accept()
    assert dialog.told == [Calibration(mpp=0.25)]
