"""Measurements have one unit a column, and are copied and exported whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from ssmamba.errors import DataError
from ssmamba.rois.roi import Roi
from tests.viewer.fakes import square
from viewer.exporting import measurements as module
from viewer.exporting.measurements import as_text, measurements, write_measurements
from viewer.services.background import Background
from viewer.state.document import Document
from viewer.state.settings import SlideSettings
from viewer.window import measurements as window
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


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background(lambda error: pytest.fail(str(error)))
    yield made
    made.close()


def test_the_window_follows_selection_and_scale_and_copies(
    qtbot: QtBot, background: Background
) -> None:
    document = Document()
    document.add([SQUARE, RULER])
    dialog = MeasurementsDialog(document, background, lambda table: None)
    qtbot.addWidget(dialog)
    assert not dialog.copy_button.isEnabled()  # nothing to copy yet
    qtbot.waitUntil(lambda: not dialog.busy)
    assert dialog.model.rowCount() == 2
    document.select(RULER.id)
    document.set_slide_settings(SlideSettings(mpp=0.25))  # while it measures
    qtbot.waitUntil(lambda: not dialog.busy)
    assert dialog.model.rowCount() == 1
    assert dialog.model.headerData(5, Qt.Orientation.Horizontal) == "Length, µm"
    assert dialog.model.index(0, 5).data() == "12.500"
    dialog.copy_button.click()
    assert QGuiApplication.clipboard().text() == as_text(measurements([RULER], 0.25))


def test_a_closed_window_follows_no_more(qtbot: QtBot, background: Background) -> None:
    document = Document()
    document.add([SQUARE, RULER])
    dialog = MeasurementsDialog(document, background, lambda table: None)
    dialog.show()
    with qtbot.waitSignal(dialog.destroyed):
        dialog.close()  # while it measures
    qtbot.waitUntil(lambda: not background.busy)
    document.select(RULER.id)
    assert not background.busy


def test_many_regions_are_measured_in_batches(
    qtbot: QtBot, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "BATCH", 2)
    document = Document()
    document.add([square(20 * n, 0, 9, f"R{n}") for n in range(5)])
    dialog = MeasurementsDialog(document, background, lambda table: None)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: not dialog.busy)
    assert [row[0] for row in dialog.model.table.rows] == ["R0", "R1", "R2", "R3", "R4"]


def test_a_region_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict = {}
    first = measurements([SQUARE, RULER], None, kept)
    measured = []
    monkeypatch.setattr(module, "length_of", lambda roi: measured.append(roi) or 1.0)
    assert measurements([SQUARE, RULER], None, kept) == first and not measured
    moved = replace(RULER, polygons=((((0.0, 0.0), (8.0, 6.0)),),))
    assert measurements([SQUARE, moved], None, kept).rows[0] is first.rows[0]
    assert measured == [moved]
