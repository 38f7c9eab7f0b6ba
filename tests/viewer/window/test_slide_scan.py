"""A whole slide is read in the window: painted, paused, brought back, and made into regions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint

from ssmamba.engine.messages import Cancel, Classify, JobFailed, Priority, Reprioritise, ScanSlide
from ssmamba.rois.geometry import area_of
from tests.slides import write_pyramid
from tests.viewer.conftest import Bench
from tests.viewer.fakes import CLASSES, FakeEngine, square, write_model
from tests.viewer.scanning import FakeScan
from viewer.saving.scan_file import read_scan
from viewer.saving.workbench import WorkbenchStore
from viewer.state.scale import field_key
from viewer.state.slide_scan import ScanLook
from viewer.state.slide_scans import SlideScans
from viewer.window.main_window import MainWindow


class Reader:
    """A user who has the slide read, and the engine that does it."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.work, self.window = bench, bench.work, bench.window
        self.scans = bench.work.slide_scans.scans
        self.panel = bench.window.panels["slide_scan"]
        self.work.bridge.start()
        bench.qtbot.waitUntil(lambda: self.work.bridge.state is not None)
        bench.settle()
        self.engine.patient = True

    @property
    def engine(self) -> FakeEngine:
        return FakeEngine.made[-1]

    @property
    def model(self):
        return self.work.library.shown

    def set_scale(self, px: float = 100.0) -> None:
        document = self.work.document
        document.set_slide_settings(document.slide_settings.with_field(field_key(self.model), px))

    def press(self, name: str = "read_slide") -> None:
        self.window.actions_by_name[name].trigger()

    def asked(self) -> list[ScanSlide]:
        return self.engine.of_kind(ScanSlide)

    def start(self, begin: bool = True) -> FakeScan:
        before = len(self.asked())
        self.press()
        return self.next(before, begin)

    def next(self, before: int, begin: bool = True) -> FakeScan:
        """The scan that is asked for next."""
        self.bench.qtbot.waitUntil(lambda: len(self.asked()) > before)
        made = FakeScan(self.engine, self.model.file_sha256)
        if begin:
            made.begin()
            self.bench.qtbot.waitUntil(lambda: self.scans.map is not None)
        return made

    def wait(self, status: str) -> None:
        self.bench.qtbot.waitUntil(lambda: self.scans.status == status)

    def wait_done(self, count: int) -> None:
        self.bench.qtbot.waitUntil(
            lambda: self.scans.map is not None and self.scans.map.done == count
        )

    def settle(self) -> None:
        """Painted, and on the disk."""
        painter, keeper = self.work.scan_painter, self.work.slide_scans._keeper
        self.bench.qtbot.waitUntil(lambda: not painter._soon.isActive())
        keeper.finish()
        self.bench.qtbot.waitUntil(self.window.canvas.is_settled)

    def colour(self, x: float, y: float) -> np.ndarray:
        canvas = self.window.canvas
        place = canvas.camera.view.to_screen(x, y).toPoint()
        image = canvas.grab().toImage()
        return np.array(image.pixelColor(QPoint(place.x(), place.y())).getRgb()[:3], int)


@pytest.fixture
def reader(bench: Bench) -> Reader:
    made = Reader(bench)
    made.set_scale()
    return made


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
    assert np.ptp(reader.colour(750, 650)) == 0  # not sure: grey
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


def test_stop_keeps_what_was_read_and_putting_away_brings_it_back(reader: Reader) -> None:
    scan = reader.start()
    scan.read(20)
    reader.wait_done(20)
    reader.press("stop_reading")
    assert reader.scans.status == "stopped" and reader.scans.map.done == 20
    reader.panel.close_button.click()
    assert not reader.panel.isVisibleTo(reader.window) and reader.scans.map is None
    again = reader.start()
    assert len(again.request.known) == 20 and reader.scans.map.done == 20


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


def test_it_comes_back_with_its_slide_and_goes_on(reader: Reader, tmp_path: Path) -> None:
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    slide = Path(reader.work.document.slide.path)
    other = tmp_path / "other.tif"
    write_pyramid(other, 900, 700, seed=3)
    reader.bench.open(other)
    assert reader.scans.map is None and not reader.panel.isVisibleTo(reader.window)
    before = len(reader.asked())
    reader.bench.open(slide)
    again = reader.next(before)
    assert len(again.request.known) == 30 and reader.scans.map.done == 30
    again.read()
    reader.wait("done")
    assert reader.scans.map.done == 63


def test_a_new_window_goes_on_after_a_kill(
    reader: Reader, qtbot, tmp_path: Path, models: list[Path]
) -> None:
    """The first window is not closed: nothing but what is on the disk reaches the second."""
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    reader.settle()
    folder, slide = tmp_path / "user", reader.work.document.slide.path
    reader.work.sessions.finish()
    reader.work.slide_scans._keeper._writer.end()  # as the system frees the lock
    window = MainWindow(FakeEngine, folder)
    qtbot.addWidget(window)
    try:
        window.workspace.models.add_files([str(p) for p in models])
        window.workspace.files.open([slide])
        scans = window.workspace.slide_scans.scans
        qtbot.waitUntil(lambda: scans.status == "reading")
        request = FakeEngine.made[-1].of_kind(ScanSlide)[-1]
        assert len(request.known) == 30 and scans.map.done == 30
    finally:
        window.close()


def test_paused_stays_paused_over_a_restart(reader: Reader, tmp_path: Path) -> None:
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    reader.press()
    slide = Path(reader.work.document.slide.path)
    write_pyramid(tmp_path / "other.tif", 900, 700, seed=3)
    reader.bench.open(tmp_path / "other.tif")
    before = len(reader.asked())
    reader.bench.open(slide)
    reader.wait("paused")
    assert reader.scans.map.done == 30 and len(reader.asked()) == before


def test_another_model_by_the_same_name_is_refused(reader: Reader, tmp_path: Path) -> None:
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    path = Path(reader.model.path)
    write_model(path, "First model", tags={"mixer": "other"})
    reader.work.models.add_files([str(path)])
    reader.bench.qtbot.waitUntil(lambda: reader.scans.map is None)
    reader.bench.qtbot.waitUntil(
        lambda: "is not the one that read this slide" in reader.bench.texts(reader.window)
    )


def test_a_model_that_was_replaced_unseen_is_refused(reader: Reader) -> None:
    scan = reader.start(begin=False)
    scan.sha256 = "e" * 64
    scan.begin()
    reader.bench.qtbot.waitUntil(lambda: reader.scans.status == "")
    assert "replaced by another one" in reader.bench.texts(reader.window)
    assert reader.scans.map is None


def test_another_scale_is_said_and_not_mixed(reader: Reader) -> None:
    scan = reader.start()
    scan.read(30)
    reader.wait_done(30)
    reader.set_scale(120)
    assert reader.scans.status == "stopped" and reader.scans.outdated
    assert "The scale was changed" in reader.bench.texts(reader.panel)
    reader.set_scale(100)
    assert not reader.scans.outdated
    reader.set_scale(140)
    again = reader.start(begin=False)
    assert again.request.known is None and again.request.field_px == 140


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


def test_a_full_disk_is_said_once_and_tried_again(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    reader.work.messages.posted.connect(lambda message: told.append(message.text))
    scan = reader.start()
    reader.settle()
    keeper = reader.work.slide_scans._keeper

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("viewer.saving.scan_file.os.fsync", full)
        for count in (10, 20):
            scan.read(10)
            reader.wait_done(count)
            keeper._save()
            reader.bench.qtbot.waitUntil(lambda: not keeper._files.busy)
    assert [text for text in told if "No space left" in text] == told[-1:]
    path = keeper._writer._path
    assert read_scan(path).map.done == 0  # nothing half-written
    keeper._save()
    reader.bench.qtbot.waitUntil(lambda: read_scan(path).map.done == 20)


def test_the_look_is_kept_over_slides_and_starts(reader: Reader, tmp_path: Path) -> None:
    reader.start().read()
    reader.wait("done")
    reader.scans.set_look(opacity=0.3, colormap="gray", smooth=True, target="aca", threshold=7)
    WorkbenchStore(tmp_path / "kept").save(reader.work.workbench._now())
    look = WorkbenchStore(tmp_path / "kept").load().scan_look
    other = SlideScans()
    other.take_look(look)
    assert other.look == ScanLook("", 0, 0.3, "gray", True)
    other.take_look(replace(look, colormap="none", opacity=9.0))
    assert (other.look.colormap, other.look.opacity) == ("gray", 1.0)
