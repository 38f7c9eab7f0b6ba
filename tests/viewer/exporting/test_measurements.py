"""Measurements have one unit a column, and are copied and exported whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from ssmamba.errors import DataError
from ssmamba.rois.roi import Roi
from tests.viewer.fakes import square
from viewer.exporting.measurements import as_text, measurements, write_measurements
from viewer.state.document import Document
from viewer.state.settings import SlideSettings
from viewer.window.measurements import MeasurementsDialog

SQUARE = square(0, 0, 40, "A, first").noted("Necrosis?")
RULER = Roi(((((0.0, 0.0), (30.0, 40.0)),),), kind="ruler", name="R")
ANGLE = Roi(((((30.0, 0.0), (0.0, 0.0), (0.0, 30.0)),),), kind="angle", name="W")
POINTS = Roi(((((0.0, 0.0), (3.0, 4.0)),),), kind="point", name="P")


def column(name: str, mpp: float | None) -> list[object]:
    found = measurements([SQUARE, RULER, ANGLE, POINTS], mpp)
    return [row[list(found.columns).index(name)] for row in found.rows]


def test_each_column_has_one_unit() -> None:
    assert column("Area, µm²", 0.5) == [400.0, None, None, None]
    assert column("Area, px²", None) == [1600.0, None, None, None]
    assert column("Perimeter, µm", 0.5) == [80.0, None, None, None]
    assert column("Length, µm", 0.5) == [None, 25.0, 30.0, None]
    assert column("Largest diameter, px", None) == [pytest.approx(56.569), None, None, None]
    assert column("Angle, °", None) == [None, None, 90.0, None]
    assert column("Points", None) == [None, None, None, 2]
    assert column("Note", None)[0] == "Necrosis?"


def test_a_table_is_written_as_its_ending_says(tmp_path: Path) -> None:
    table = measurements([SQUARE, RULER], 0.5)
    for ending, delimiter in ((".csv", ","), (".tsv", "\t")):
        write_measurements(tmp_path / f"t{ending}", table)
        text = (tmp_path / f"t{ending}").read_text("utf-8-sig")
        rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
        assert rows[0] == list(table.columns) and rows[1][0] == "A, first" and len(rows) == 3
    write_measurements(tmp_path / "t.json", table)
    assert json.loads((tmp_path / "t.json").read_text("utf-8"))[1]["Length, µm"] == 25.0
    with pytest.raises(DataError, match="ends in"):
        write_measurements(tmp_path / "t.xls", table)


def test_the_window_follows_selection_and_scale_and_copies(qtbot: QtBot) -> None:
    document = Document()
    document.add([SQUARE, RULER])
    dialog = MeasurementsDialog(document, lambda table: None)
    qtbot.addWidget(dialog)
    assert dialog.table.rowCount() == 2
    document.select(RULER.id)
    assert dialog.table.rowCount() == 1
    document.set_slide_settings(SlideSettings(mpp=0.25))
    assert dialog.table.horizontalHeaderItem(5).text() == "Length, µm"
    assert dialog.table.item(0, 5).text() == "12.500"
    dialog.copy_button.click()
    assert QGuiApplication.clipboard().text() == as_text(measurements([RULER], 0.25))
