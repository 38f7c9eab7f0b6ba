"""Exports as a user makes them: from the window to files that are read again."""

from __future__ import annotations

import csv
import errno
import io
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit

from ssmamba.reading.values import Trust
from ssmamba.rois.geojson import read_rois
from ssmamba.rois.roi import MODEL_CLASS
from tests.viewer.conftest import RING, Bench
from tests.viewer.exporting.reading_pdf import Pdf
from tests.viewer.fakes import square
from tests.viewer.window.conftest import menu_of, texts
from training.prepare.annotated.cohort import read_cohort
from training.prepare.config import PrepareConfig
from viewer.actions.table import FILE
from viewer.controllers import exports as exports_module
from viewer.exporting import report
from viewer.services.notices import Message


@pytest.fixture
def told(bench: Bench) -> list[Message]:
    posted: list[Message] = []
    bench.work.messages.posted.connect(posted.append)
    return posted


def chosen(bench: Bench, action: str, path: Path, kind: str = "") -> None:
    """Run an action and choose a file in the dialog that it opens."""
    bench.window.actions_by_name[action].trigger()
    (dialog,) = [d for d in bench.window.findChildren(QFileDialog) if d.isVisible()]
    if kind:
        dialog.selectNameFilter(kind)
        dialog.filterSelected.emit(kind)
    dialog.setDirectory(str(path.parent))
    dialog.selectFile(path.name)
    dialog.accept()
    bench.settle()


def test_everything_that_is_exported_is_read_again(
    bench: Bench, tmp_path: Path, told: list[Message]
) -> None:
    bench.draw(*RING)
    bench.settle()
    roi = bench.document.rois[0]
    bench.document.change(roi.classified("Adenocarcinoma", (200, 60, 80)))
    bench.document.add([square(600, 300, 80, "Second")])
    bench.settle()
    bench.document.select(roi.id)
    bench.settle()

    chosen(bench, "export_rois", tmp_path / "a.geojson")
    first, second = read_rois(tmp_path / "a.geojson")
    assert first.class_name == "Adenocarcinoma" and first.measurements["First model: sure"] == 1.0
    assert second.class_name == "" and not second.measurements

    chosen(bench, "export_rois_only", tmp_path / "b.geojson")
    assert tuple(read_rois(tmp_path / "b.geojson")) == bench.document.rois

    chosen(bench, "export_table", tmp_path / "t", "TSV (*.tsv)")
    text = (tmp_path / "t.tsv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    assert [(r["roi_name"], r["model"]) for r in rows] == [
        ("Region 1", "First model"), ("Region 1", "Second model"), ("Second", ""),
    ]  # fmt: skip

    chosen(bench, "export_figure", tmp_path / "f.pdf")
    figure = Pdf((tmp_path / "f.pdf").read_bytes()).text(0)
    assert "Region 1" in figure and "Evidence for Adenocarcinoma" in figure
    assert "GradCAM, detail 4, First model" in figure.replace("\n", " ")

    chosen(bench, "export_report", tmp_path / "r.pdf")
    pdf = Pdf((tmp_path / "r.pdf").read_bytes())
    assert "Second" in pdf.text(0) and "No answer" in pdf.text(0)
    assert [m.level for m in told] == ["info"] * 5
    assert told[0].text == f"Exported 2 regions to {tmp_path / 'a.geojson'}."


def test_regions_for_training_carry_the_users_classes_alone(
    bench: Bench, tmp_path: Path, told: list[Message]
) -> None:
    bench.window.actions_by_name["export_training"].trigger()
    assert told[-1].text.startswith("No region has a class of yours.")
    own = square(100, 100, 80, "Own").classified("Adenoma", (200, 60, 80))
    guessed = square(300, 100, 80, "Guessed").classified("Carcinoma", None)
    guessed = replace(guessed, metadata={MODEL_CLASS: "Carcinoma"})
    bench.document.add([own, guessed])
    bench.settle()
    bench.window.actions_by_name["export_training"].trigger()
    (dialog,) = [d for d in bench.window.findChildren(QFileDialog) if d.isVisible()]
    dialog.fileSelected.emit(str(tmp_path))
    dialog.reject()
    bench.settle()
    assert told[-1].text == (
        f"Exported 2 regions to {tmp_path}. 1 region without a class of yours will not be learnt "
        "from."
    )
    (slide,) = read_cohort(
        PrepareConfig("slides", tmp_path / "out", tmp_path / "slides.csv")
    ).slides
    assert slide.path == Path(bench.document.slide.path) and slide.annotations is not None
    read = read_rois(slide.annotations)
    assert [(roi.name, roi.class_name) for roi in read] == [("Own", "Adenoma"), ("Guessed", "")]


def test_the_menu_offers_what_the_state_allows(bench: Bench) -> None:
    menu = next(a.menu() for a in menu_of(bench.window, FILE).actions() if a.text() == "Export")
    assert texts(menu.actions()) == [
        "Regions and answers…", "Regions without answers…", "Regions for training…",
        "Table of answers…", "Table of areas…", "Figure of the selected region…", "Report…",
        "Comparison…",
    ]  # fmt: skip
    figure = bench.window.actions_by_name["export_figure"]
    assert not figure.isEnabled()
    bench.draw(*RING)
    assert figure.isEnabled()
    bench.document.select(None)
    assert not figure.isEnabled()


def test_a_slide_without_regions_says_so(bench: Bench, told: list[Message]) -> None:
    bench.window.actions_by_name["export_report"].trigger()
    assert [m.text for m in told] == ["There are no regions to export. Draw one first."]


def test_several_selected_regions_are_a_report_of_their_own(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[Message]
) -> None:
    bench.document.add([square(100 * n, 100, 50, f"R{n}", f"r{n}") for n in range(4)])
    view = bench.window.panels["regions"].view
    for row in (1, 3):
        index = view.model().index(row)
        view.selectionModel().select(index, view.selectionModel().SelectionFlag.Select)
    chosen(bench, "export_report", tmp_path / "r.pdf")
    text = Pdf((tmp_path / "r.pdf").read_bytes()).text(0).split("\n")
    assert [f"R{n}" in text for n in range(4)] == [False, True, False, True]
    monkeypatch.setattr(exports_module, "REPORT_REGIONS", 3)
    view.clearSelection()
    bench.window.actions_by_name["export_report"].trigger()
    assert told[-1].text == "A report holds up to 3 regions. Select fewer in the list."


def test_answers_of_another_outline_are_left_out_and_counted(
    bench: Bench, tmp_path: Path, told: list[Message]
) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    bench.work.analysis.stop()
    bench.work.analysis._asked.clear()
    moved = replace(roi, polygons=square(50, 50, 99).polygons)
    bench.document.change(moved)
    bench.work.exports.write_regions(str(tmp_path / "a.geojson"), bench.work.exports.facts())
    bench.settle()
    assert not read_rois(tmp_path / "a.geojson")[0].measurements
    assert "2 outdated answers left out" in told[-1].text


def test_a_folder_that_is_gone_is_one_sentence(
    bench: Bench, tmp_path: Path, told: list[Message]
) -> None:
    bench.draw(*RING)
    bench.settle()
    facts, gone = bench.work.exports.facts(), tmp_path / "gone"
    for name, write in (
        ("a.geojson", bench.work.exports.write_regions),
        ("a.csv", bench.work.exports.write_table),
        ("a.png", bench.work.exports.write_figure),
        ("a.pdf", bench.work.exports.write_report),
    ):
        write(str(gone / name), facts)
    bench.qtbot.waitUntil(lambda: not bench.work.exports.busy)
    assert [m.level for m in told] == ["error"] * 4 and not gone.exists()
    for message in told:
        assert os.strerror(errno.ENOENT) in message.text and "\n" not in message.text


def test_a_report_shows_its_progress_and_can_be_stopped(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[Message]
) -> None:
    bench.document.add([square(50 * n, 100, 40, f"R{n}", f"r{n}") for n in range(6)])
    may_go = threading.Event()
    original = report.picture_of

    def slow(*what: object) -> object:
        may_go.wait(60)
        return original(*what)

    monkeypatch.setattr(report, "picture_of", slow)
    seen: list[tuple[str, int, int]] = []
    bench.work.exports.progressed.connect(lambda *at: seen.append(at))
    path = tmp_path / "r.pdf"
    bench.work.exports.write_report(str(path), bench.work.exports.facts())
    bench.qtbot.waitUntil(lambda: ("Writing r.pdf", 0, 6) in seen)
    assert bench.window.status.stop.isVisible()
    assert bench.work.finish() == [f"{path} is not finished yet."]
    bench.window.actions_by_name["stop"].trigger()
    may_go.set()
    bench.qtbot.waitUntil(lambda: not bench.work.exports.busy)
    assert not path.exists() and told[-1].text == f"{path} was not written."
    assert seen[-1] == ("", 0, 0) and not bench.window.status.stop.isVisible()
    bench.work.exports.write_report(str(path), bench.work.exports.facts())  # the next one goes on
    bench.qtbot.waitUntil(lambda: not bench.work.exports.busy)
    assert len(Pdf(path.read_bytes()).pages) >= 1


def test_copy_puts_the_view_on_the_clipboard_where_the_slide_has_the_focus(
    bench: Bench,
) -> None:
    clipboard, canvas = QGuiApplication.clipboard(), bench.window.canvas
    bench.window.activateWindow()
    bench.qtbot.waitUntil(bench.window.isActiveWindow)
    data = QMimeData()
    data.setText("before")
    clipboard.setMimeData(data)
    control = Qt.KeyboardModifier.ControlModifier
    edit = QLineEdit("some words", bench.window)
    edit.show()
    edit.setFocus()
    edit.selectAll()
    QTest.keyClick(edit, Qt.Key.Key_C, control)
    assert clipboard.text() == "some words"
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_C, control)
    copied = clipboard.image().convertToFormat(QImage.Format.Format_RGB32)
    assert copied == canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    edit.deleteLater()


def test_no_evidence_is_drawn_for_a_class_that_may_not_be_named(bench: Bench) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    exports, results = bench.work.exports, bench.document.results
    (shown,) = exports.facts().regions
    assert shown.map is not None and shown.map.title == "Evidence for Adenocarcinoma"
    key, answer = results.newest_answer(roi.id, bench.work.library.shown.path)
    results.put(key, replace(answer, trust=Trust(False, ("mostly bare glass",), doubt="glass")))
    (shown,) = exports.facts().regions
    assert shown.map is None
    bench.document.maps.choose(target="scc")  # the user's own choice
    bench.settle()
    (shown,) = exports.facts().regions
    assert shown.map is not None and shown.map.title == "Evidence for Squamous cell carcinoma"
