"""What a row of the list says: the user's class, and the answer with its doubt first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ssmamba.engine.messages import Classify, SlideRef
from ssmamba.reading.values import NO_CLASS, Doubt, Trust
from ssmamba.rois.roi import MODEL_CLASS, Roi
from tests.viewer.fakes import answer, square, write_model
from tests.viewer.state.test_scale import opened
from viewer.panels.region_delegate import ROW_PX, ROW_WITH_CLASS_PX
from viewer.panels.regions import RegionsPanel
from viewer.state.classes import Classes
from viewer.state.document import Document
from viewer.state.library import ModelLibrary, read_model
from viewer.state.planning import answer_key


@pytest.fixture
def panel(qtbot: QtBot, styled: None, tmp_path: Path) -> RegionsPanel:
    document, library = Document(), ModelLibrary()
    files = [write_model(tmp_path / f"{name}.safetensors") for name in "ab"]
    library.add([read_model(path) for path in files], use=True)
    made = RegionsPanel(document, library, Classes(document, library))
    qtbot.addWidget(made)
    return made


def put(panel: RegionsPanel, roi: Roi, *doubts: Doubt) -> None:
    """Answers of the models, with these doubts."""
    document = panel._document
    for model, doubt in zip(panel.model._library.in_use, doubts, strict=False):
        request = Classify(1, SlideRef("s.svs"), roi, (model.path,))
        made = replace(answer(request, model.path), trust=Trust(not doubt, doubt=doubt))
        document.results.put(answer_key(document, roi, model), made)
    document.results_changed.emit(roi.id)


def row(panel: RegionsPanel, role: Qt.ItemDataRole = Qt.ItemDataRole.AccessibleTextRole) -> str:
    return panel.model.data(panel.model.index(0), role)


def height(panel: RegionsPanel) -> int:
    return panel.view.sizeHintForIndex(panel.model.index(0)).height()


def test_the_class_of_the_user_stands_beside_the_answer(panel: RegionsPanel) -> None:
    roi = replace(square(0, 0, 9, "R"), class_name="Squamous cell carcinoma")
    panel._document.add([roi])
    assert row(panel) == "R, 81 px², your class: Squamous cell carcinoma, Not classified"
    put(panel, roi, "unsure", "glass")
    assert row(panel) == (
        "R, 81 px², your class: Squamous cell carcinoma, "
        "Not sure, Adenocarcinoma, 80.0 %, differs from your class"
    )
    assert row(panel, Qt.ItemDataRole.ToolTipRole) == (
        "a: Not sure, Adenocarcinoma, 80.0 %, differs from your class\nb: No tissue"
    )
    panel.grab()  # it can be painted


@pytest.mark.parametrize("doubt", sorted(NO_CLASS))
def test_a_region_without_anything_to_classify_has_no_class(
    panel: RegionsPanel, doubt: Doubt
) -> None:
    roi = square(0, 0, 9, "R")
    panel._document.add([roi])
    put(panel, roi, doubt)
    assert "Adenocarcinoma" not in row(panel)
    line = panel.model.line(roi)
    assert (line.text, line.said.share, line.said.color) == ("", "", None)
    panel.grab()


def test_a_class_that_a_model_gave_is_not_taken_for_the_users(panel: RegionsPanel) -> None:
    roi = replace(square(0, 0, 9, "R"), class_name="Fat", metadata={MODEL_CLASS: "Fat"})
    panel._document.add([roi])
    assert row(panel) == "R, 81 px², Fat"
    assert height(panel) == ROW_PX
    panel.view.selectAll()
    panel.set_class("Fat")
    assert row(panel).startswith("R, 81 px², your class: Fat")


def test_rows_are_higher_once_a_region_has_a_class(panel: RegionsPanel) -> None:
    panel._document.add([square(0, 0, 9, "R")])
    assert height(panel) == ROW_PX
    panel.view.selectAll()
    panel.set_class("Fat")
    assert height(panel) == ROW_WITH_CLASS_PX
    panel._document.undo()
    assert height(panel) == ROW_PX


def test_a_region_that_waits_for_the_scale_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    document, library = opened(), ModelLibrary()
    library.add([read_model(write_model(tmp_path / "a.safetensors"))], use=True)
    panel = RegionsPanel(document, library, Classes(document, library))
    qtbot.addWidget(panel)
    document.add([square(0, 0, 3000, "R")])
    assert row(panel).endswith("Not classified: select it to set the scale")
    document.remove([document.rois[0].id])
    document.add([square(0, 0, 20, "R")])
    assert row(panel).endswith("Not classified")


def test_very_many_regions_come_in_a_turn_of_their_own(
    panel: RegionsPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.panels.region_list.MANY", 5)
    document = panel._document
    document.add([square(n, 0, 5, f"R{n}", str(n)) for n in range(20)])
    document.select("7")
    assert panel.model.rowCount() == 0
    qtbot.waitUntil(lambda: panel.model.rowCount() == 20)
    assert [roi.id for roi in panel.chosen()] == ["7"]
    assert panel.view.currentIndex().row() == 7
    document.remove(["7"])
    assert panel.model.rowCount() == 19
