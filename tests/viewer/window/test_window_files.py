"""Slides, region files and calibration in the whole window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from ssmamba.engine.messages import Classify
from ssmamba.rois.geojson import write_rois
from tests.slides import write_pyramid
from tests.viewer.conftest import RING, Bench
from tests.viewer.fakes import FakeEngine, square, write_model
from viewer.state.settings import SlideSettings
from viewer.tiles.source import TileSource
from viewer.window.calibration import CalibrationDialog
from viewer.window.main_window import MainWindow


def test_a_dropped_model_and_a_dropped_picture_of_something_else(
    bench: Bench, tmp_path: Path
) -> None:
    good = write_model(tmp_path / "third.safetensors", "Third model")
    bad = tmp_path / "foreign.safetensors"
    bad.write_bytes(b"not a model")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) for p in (good, bad)])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    bench.window.dropEvent(event)
    bench.settle()
    assert "Third model" in [m.name for m in bench.work.library.in_use]
    message = bench.window.message_bar.message
    assert message is not None and "not a readable .safetensors" in message.text


def test_a_file_that_is_no_slide_leaves_the_open_one(bench: Bench, tmp_path: Path) -> None:
    broken = tmp_path / "broken.svs"
    broken.write_bytes(b"nothing")
    shown = bench.document.slide
    bench.work.files.open([str(broken)])
    bench.qtbot.waitUntil(lambda: bench.window.message_bar.message is not None)
    bench.draw(*RING)
    assert bench.document.slide is shown and bench.window.canvas.isVisible()


def test_regions_come_back_when_the_slide_is_opened_again(
    bench: Bench, tmp_path: Path, slide_file: Path
) -> None:
    roi = bench.draw(*RING)
    other = tmp_path / "other.tif"
    write_pyramid(other, 640, 480, seed=5)
    bench.open(other)
    assert not bench.document.rois
    bench.open(slide_file)
    assert bench.document.rois == (roi,)
    assert bench.document.undo_stack.undo_text == "Draw region"


def test_stale_answers_of_the_last_slide_are_dropped(
    bench: Bench, engines: list[FakeEngine], tmp_path: Path
) -> None:
    bench.draw(*RING)
    bench.settle()
    engines[0].patient = True
    bench.draw(*((x + 30, y) for x, y in RING))
    bench.qtbot.waitUntil(lambda: len(engines[0].of_kind(Classify)) == 2)
    late = engines[0].of_kind(Classify)[1]
    other = tmp_path / "other.tif"
    write_pyramid(other, 640, 480, seed=5)
    bench.work.files.open([str(other)])
    bench.qtbot.waitUntil(lambda: bench.document.slide.name == "other.tif")
    engines[0].fulfil(late)
    assert not bench.document.results._answers
    assert bench.window.message_bar.message is None


def test_the_window_answers_while_slide_reads_are_slow(
    window: MainWindow, qtbot, slide_file: Path, models: list[Path], monkeypatch
) -> None:
    monkeypatch.setattr(TileSource, "read_delay_s", 0.3)
    bench = Bench(window, qtbot)
    bench.open(slide_file)
    bench.work.models.add_files([str(p) for p in models])
    for step in range(6):
        window.canvas.camera.zoom_at(0.5 if step < 3 else -0.5, None, smooth=False)
        qtbot.wait(20)
    bench.draw(*RING)
    bench.settle()  # the heartbeat's fixture judges
    assert bench.document.rois


def test_calibration_changes_the_scale_and_asks_again(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bench.draw(*RING)
    bench.settle()
    assert "scale unknown" in bench.texts(bench.window.panels["answers"]).lower()
    bench.document.set_slide_settings(
        replace(bench.document.slide_settings, mpp=0.25, field_px=300.0)
    )
    bench.settle()
    last = engines[0].of_kind(Classify)[-1]
    assert last.slide.mpp == 0.25 and last.options.field_px == 300.0
    assert bench.window.canvas.camera.mpp == 0.25


def test_regions_without_a_slide_end_with_a_sentence(window: MainWindow) -> None:
    told: list[str] = []
    window.workspace.regions.import_failed.connect(told.append)  # a screenshot leaves by it
    window.workspace.files.import_regions("regions.geojson")
    assert told == ["No slide is open. Open one, then import its regions."]


def test_regions_of_two_files_with_the_same_ids_all_stay(bench: Bench, tmp_path: Path) -> None:
    def imported(file: Path) -> None:
        with bench.qtbot.waitSignal(bench.work.regions.imported):
            bench.work.files.import_regions(str(file))

    files = [tmp_path / "first.geojson", tmp_path / "second.geojson"]
    for at, file in enumerate(files):  # geopandas numbers the regions of each file from 0
        write_rois(file, [square(100 + 150 * at, 100, 90, roi_id="0")])
        imported(file)
    kept = bench.document.rois
    assert [roi.bounds[0] for roi in kept] == [100, 250]
    assert [roi.name for roi in kept] == ["Region 1", "Region 2"]
    write_rois(tmp_path / "ours.geojson", kept)
    imported(tmp_path / "ours.geojson")
    assert [roi.id for roi in bench.document.rois] == [roi.id for roi in kept]


def test_calibration_opens_once(bench: Bench) -> None:
    for _ in range(2):
        bench.window.dialogs.calibrate()
    assert len(bench.window.findChildren(CalibrationDialog)) == 1


def test_the_calibration_of_one_slide_is_not_given_to_the_next(
    bench: Bench, tmp_path: Path
) -> None:
    def dialogs() -> list[CalibrationDialog]:
        return [d for d in bench.window.findChildren(CalibrationDialog) if d.isVisible()]

    bench.window.dialogs.calibrate()
    (first,) = dialogs()
    apply = first._on_accept
    other = tmp_path / "other.tif"
    write_pyramid(other, 640, 480, seed=5)
    bench.open(other)
    assert not dialogs()
    apply(SlideSettings(mpp=0.25))
    assert bench.document.slide_settings.mpp is None
    bench.window.dialogs.calibrate()
    assert [d.windowTitle() for d in dialogs()] == ["Calibration of other.tif"]
