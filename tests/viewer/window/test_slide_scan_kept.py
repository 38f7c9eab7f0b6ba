"""What was read of a slide comes back, and is refused where it no longer fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.engine.messages import ScanSlide
from tests.slides import write_pyramid
from tests.viewer.conftest import Heartbeat
from tests.viewer.fakes import FakeEngine, write_model
from tests.viewer.window.scan_reader import Reader
from viewer.saving.scan_file import read_scan
from viewer.saving.workbench import WorkbenchStore
from viewer.state.slide_scan import ScanLook
from viewer.state.slide_scans import SlideScans
from viewer.window.main_window import MainWindow


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
    reader: Reader, qtbot, tmp_path: Path, models: list[Path], heartbeat: Heartbeat
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
    heartbeat.reset()  # a window is made at a start, when nobody waits for another
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
    ours = [text for text in told if text.startswith("The map of this slide")]  # not the regions'
    assert len(ours) == 1 and "No space left" in ours[0]
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
