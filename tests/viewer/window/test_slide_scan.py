"""A whole slide is read in the window: painted, paused, brought back, and made into regions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmamba.engine.messages import Cancel, Classify, JobFailed, Priority, Reprioritise
from ssmamba.rois.geometry import area_of
from tests.viewer.conftest import Bench
from tests.viewer.fakes import CLASSES, square
from tests.viewer.scanning import FakeScan
from tests.viewer.window.scan_reader import Reader


def test_one_click_reads_the_slide_from_the_view_outwards(reader: Reader) -> None:
    assert not reader.panel.isVisibleTo(reader.window)
    scan = reader.start()
    request = scan.request
    left, top, right, bottom = reader.window.canvas.camera.view.rect
    assert request.begin == ((left + right) / 2, (top + bottom) / 2)
    assert request.view == (left, top, right, bottom)
    assert request.priority == Priority.REST and request.field_px == 100
    assert reader.panel.isVisibleTo(reader.window)
    reader.scans.set_look(opacity=1.0)
    scan.read(2)
    reader.wait_done(2)
    reader.settle()
    assert (reader.colour(850, 150) == CLASSES[0].color).all()  # stands for its neighbours
    scan.read()
    reader.wait("done")
    reader.settle()
    assert (reader.colour(750, 350) == CLASSES[0].color).all()
    assert (reader.colour(50, 50) != CLASSES[0].color).any()  # foreign
    assert np.ptp(reader.colour(350, 650)) == 0  # not sure: grey
    assert np.ptp(reader.colour(950, 350)) > 0  # no tissue: clear
    assert "All 63 windows are read." in reader.bench.texts(reader.panel)


def test_one_class_in_colours_from_a_threshold_on(reader: Reader) -> None:
    reader.start().read()
    reader.wait("done")
    panel = reader.panel
    panel.class_box.activated.emit(panel.class_box.findData("aca"))
    panel.class_box.setCurrentIndex(panel.class_box.findData("aca"))
    panel.class_box.activated.emit(panel.class_box.currentIndex())
    reader.scans.set_look(opacity=1.0, colormap="gray")
    assert reader.scans.look.target == "aca" and not panel.smooth.isChecked()
    high, low = reader.colour(250, 350), reader.colour(750, 350)
    assert np.ptp(high) == np.ptp(low) == 0 and high[0] - low[0] > 50
    panel.threshold.setValue(140)  # .7
    assert np.ptp(reader.colour(750, 350)) > 0 and np.ptp(reader.colour(250, 350)) == 0
    reader.scans.set_look(visible=False)
    assert np.ptp(reader.colour(250, 350)) > 0


def test_the_panel_says_pace_values_and_areas(reader: Reader) -> None:
    scan = reader.start()
    scan.read(40)
    reader.wait_done(40)
    reader.bench.qtbot.waitUntil(lambda: "40 of 63" in reader.panel.said.text())
    assert "12 windows/s, 9 s left" in reader.panel.said.text()
    status = reader.bench.texts(reader.window.status)
    assert "Reading the slide, 12 windows/s, 9 s left…" in status
    scan.read()
    reader.wait("done")
    reader.window.canvas.cursor_moved.emit(250.0, 350.0)
    assert reader.panel.under_cursor.text().startswith("Adenocarcinoma 0.900, Squamous")
    reader.scans.set_look(target="n")
    assert reader.panel.under_cursor.text().startswith("Benign tissue 0.000, Adenocarcinoma 0.9")
    reader.window.canvas.cursor_moved.emit(250.0, 650.0)
    assert reader.panel.under_cursor.text().startswith("Not sure: ")
    texts = reader.bench.texts(reader.panel)
    assert "0.133 mm²" in texts  # 53 windows of 50 µm
    assert "Foreign tissue" in texts and "Not sure" in texts


def test_pause_and_going_on(reader: Reader) -> None:
    scan = reader.start()
    scan.read(20)
    reader.wait_done(20)
    reader.press()
    assert reader.scans.status == "paused"
    assert reader.engine.of_kind(Cancel)[-1].job == scan.request.job
    scan.read(5)  # what was under way is not taken
    reader.panel.pause.click()
    again = reader.next(1)
    assert len(again.request.known) == 20
    again.read()
    reader.wait("done")
    assert reader.scans.map.done == 63


def test_a_slide_that_is_read_is_not_read_again(reader: Reader) -> None:
    reader.start().read()
    reader.wait("done")
    for put_away in (False, True):
        if put_away:
            reader.panel.close_button.click()
            assert reader.scans.map is None
        reader.press()
        reader.wait("done")
        assert reader.scans.map.complete and len(reader.asked()) == 1


def test_the_scale_is_asked_for_first(bench: Bench) -> None:
    reader = Reader(bench)
    reader.press()
    assert reader.scans.status == "scale" and not reader.asked()
    assert bench.window.canvas.tool() == "field"
    assert "How much of this slide" in bench.texts(bench.window.panels["answers"])
    assert "Until then, the slide is not read." in bench.texts(bench.window.panels["answers"])
    bench.work.scale.put_off()
    assert reader.scans.status == "" and not reader.asked()
    reader.press()
    bench.work.scale.resize(100)
    bench.work.scale.confirm()
    bench.qtbot.waitUntil(lambda: len(reader.asked()) == 1)
    assert reader.asked()[0].field_px == 100
    assert bench.window.canvas.tool() == "pan"


def test_a_lasso_is_more_urgent_and_all_else_once_the_whole_is_seen(reader: Reader) -> None:
    scan = reader.start()
    scan.read(2)  # of every eighth row and column
    reader.wait_done(2)
    assert not reader.engine.of_kind(Reprioritise)
    roi = square(200, 200, 120)
    reader.work.document.add([roi])
    reader.work.document.select(roi.id)
    reader.bench.qtbot.waitUntil(lambda: bool(reader.engine.of_kind(Classify)))
    assert reader.engine.of_kind(Classify)[-1].priority < scan.request.priority
    scan.read(2)
    reader.wait_done(4)
    changed = Reprioritise(scan.request.job, Priority.SLIDE)
    assert reader.engine.of_kind(Reprioritise) == [changed] and max(Priority) == Priority.SLIDE
    scan.read()
    reader.wait("done")
    assert reader.engine.of_kind(Reprioritise) == [changed]


def test_a_dead_engine_is_asked_again(reader: Reader) -> None:
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    first = reader.engine
    first.die()
    reader.bench.qtbot.waitUntil(lambda: reader.engine is not first and bool(reader.asked()))
    again = FakeScan(reader.engine, reader.model.file_sha256)
    assert len(again.request.known) == 30
    again.begin()
    again.read()
    reader.wait("done")


def test_a_failure_is_told_once_and_what_was_read_stays(reader: Reader) -> None:
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    reader.engine.reply(JobFailed(scan.request.job, "The slide was replaced; open it again."))
    reader.wait("stopped")
    assert "The slide was replaced" in reader.bench.texts(reader.window)
    assert reader.scans.map.done == 30


def test_the_order_follows_the_view(reader: Reader) -> None:
    scan = reader.start()
    scan.read(10)
    reader.wait_done(10)
    reader.window.canvas.camera.fit_rect((600.0, 400.0, 800.0, 600.0), 0.0)
    again = reader.next(1)
    assert again.request.begin == pytest.approx((700, 500), abs=5)
    assert len(again.request.known) == 10 and reader.scans.map.done == 10


def test_regions_of_what_is_shown_can_be_undone(reader: Reader) -> None:
    reader.start().read()
    reader.wait("done")
    document = reader.work.document
    before = len(document.rois)
    reader.scans.set_look(target="aca", threshold=140)
    reader.press("scan_regions")
    reader.bench.qtbot.waitUntil(lambda: len(document.rois) > before)
    (made,) = document.rois[before:]
    assert made.name == "Adenocarcinoma ≥ 0.7, 1" and made.user_class == ""
    assert area_of(made) == pytest.approx((5 * 6 - 1) * 100 * 100)
    document.undo()
    assert len(document.rois) == before


def test_too_many_windows_are_refused(reader: Reader) -> None:
    reader.set_scale(1)
    reader.start(begin=False)  # 700,000 are not too many
    document = reader.work.document
    reader.press("stop_reading")
    document.slide = replace(document.slide, width=100_000)
    reader.press()
    assert "too many to read" in reader.bench.texts(reader.window)


def test_the_areas_as_a_table(reader: Reader, tmp_path: Path) -> None:
    from viewer.exporting.areas import scan_facts

    reader.start().read()
    reader.wait("done")
    assert reader.window.actions_by_name["export_areas"].isEnabled()
    found, document = reader.scans.map, reader.work.document
    facts = scan_facts(document.slide, document.mpp, found)
    for ending in ("csv", "json"):
        with reader.bench.qtbot.waitSignal(reader.work.exports.exported):
            reader.work.exports.write_areas(str(tmp_path / f"a.{ending}"), facts)
    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [row["kind"] for row in rows] == ["class"] * 3 + ["doubt"] * 2
    assert sum(row["windows"] for row in rows) == rows[0]["windows_read"] == 63
    assert rows[0]["area_mm2"] == pytest.approx(rows[0]["windows"] * 0.05**2)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    assert text.startswith("slide,kind,key,name,windows,share,area_px2,area_mm2")


def test_without_a_model_the_next_step_is_said(bench: Bench) -> None:
    for model in bench.work.library.models:
        bench.work.library.set_in_use(model.path, False)
    bench.window.actions_by_name["read_slide"].trigger()
    assert "Tick one in the list of models" in bench.texts(bench.window)
