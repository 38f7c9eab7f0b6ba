"""The whole window, driven with the mouse, on a small slide with a scripted engine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest

from ssmamba.engine.messages import Classify, Explain, ExplainResult, Reconstruct
from ssmamba.geojson import write_rois
from tests.slides import write_pyramid
from tests.viewer import fakes
from tests.viewer.conftest import Bench
from tests.viewer.fakes import FakeEngine, square, write_model
from viewer.main_window import MainWindow
from viewer.panels.calibration import CalibrationDialog
from viewer.planning import answer_key
from viewer.settings import Calibration
from viewer.tiles.source import TileSource

RING = ((200.0, 200.0), (420.0, 210.0), (430.0, 400.0), (210.0, 410.0), (200.0, 210.0))


def test_an_empty_window_says_how_to_begin(window: MainWindow) -> None:
    assert window.welcome.isVisible()
    assert not window.actions_by_name["lasso"].isEnabled()


def test_a_lasso_is_classified_mapped_and_reconstructed_at_once(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    assert roi.name == "Region 1"
    (classified,) = engines[0].of_kind(Classify)
    assert [Path(p).stem for p in classified.checkpoints] == ["first", "second"]
    assert len(engines[0].of_kind(Explain)) == 1
    assert engines[0].of_kind(Reconstruct)[0].checkpoint.endswith("masked.safetensors")
    told = bench.texts(bench.window.answers_panel)
    assert "First model" in told and "Second model" in told
    assert "Adenocarcinoma, 80.0\u00a0%" in told
    assert "PSNR 18.25 dB" in bench.texts(bench.window.reconstruction_panel)
    assert len(bench.window.canvas.scene.overlays.overlays) == 1


def test_two_models_are_compared_side_by_side(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    compare = bench.window.compare
    assert compare.isVisible() and len(compare.cells) == 3
    overlays = [len(cell.canvas.scene.overlays.overlays) for cell in compare.cells.values()]
    assert overlays == [0, 1, 1]
    first, second, _ = (cell.canvas for cell in compare.cells.values())
    second.zoom_at(1.0, None, smooth=False)
    assert first.view_state() == second.view_state()


def test_answers_leave_out_what_the_names_of_their_models_share(
    bench: Bench, tmp_path: Path
) -> None:
    for model in list(bench.work.library.models):
        bench.work.library.remove(model.path)
    for number, part in enumerate(("SSMamba", "no pre-training")):
        path = write_model(tmp_path / f"lung{number}.safetensors", f"Lung, {part}")
        bench.work.open_paths([str(path)])
    bench.draw(*RING)
    bench.settle()
    told = bench.texts(bench.window.answers_panel).splitlines()
    assert {"SSMamba", "No pre-training"} <= set(told)


def test_models_of_one_name_are_told_apart_wherever_they_stand(
    bench: Bench, tmp_path: Path
) -> None:
    for model in list(bench.work.library.models):
        bench.work.library.remove(model.path)
    for run in ("a-run-with-a-long-name-1", "a-run-with-a-long-name-2"):
        (tmp_path / run).mkdir()
        path = write_model(tmp_path / run / "best.safetensors", "Lung cancer, SSMamba")
        bench.work.open_paths([str(path)])
    bench.draw(*RING)
    bench.settle()
    cells = list(bench.window.compare.cells.values())[1:]
    cards = list(bench.window.answers_panel._cards.values())
    for titles in ([cell._title for cell in cells], [card._model_name for card in cards]):
        for title in titles:
            title.resize(160, title.height())
        assert len({title._shown_text() for title in titles}) == 2
    rows = bench.texts(bench.window.models_panel)
    assert "name-1/best)" in rows and "name-2/best)" in rows


def test_a_map_that_cannot_be_painted_is_told_and_the_next_one_is_painted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(bench.work.maps._painter, "paint", lambda jobs, settings: 1 / 0)
        bench.draw(*RING)
        bench.settle()
    message = bench.window.message_bar.message
    assert message is not None and "ZeroDivisionError" in message.details
    bench.document.set_map_settings(replace(bench.document.map_settings, colormap="viridis"))
    bench.settle()
    assert len(bench.window.canvas.scene.overlays.overlays) == 1


def test_maps_that_are_ready_when_the_slide_changes_are_not_laid_on_the_next(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    laid: list[int] = []
    bench.work.maps.painted.connect(lambda maps: laid.append(len(maps)))
    bench.work.maps._paint()
    time.sleep(0.05)  # painted; told as soon as the event loop runs again
    bench.document.set_slide(replace(bench.document.slide, path="/slides/next.svs"))
    bench.settle()
    assert laid == [0]


def test_a_cell_of_the_comparison_says_where_its_detail_is_another_one(
    bench: Bench, tmp_path: Path
) -> None:
    third = write_model(tmp_path / "third.safetensors", "Third model", cam_stage=2)
    bench.work.open_paths([str(third)])
    bench.draw(*RING)
    bench.settle()

    def said() -> list[str]:
        cells = list(bench.window.compare.cells.values())[1:]
        return [cell.accessibleName().rpartition("%")[2] for cell in cells]

    assert sorted(said()) == ["", "", " · detail 2"]
    bench.document.set_map_settings(replace(bench.document.map_settings, stage=3))
    assert set(said()) == {""}


def test_without_classify_as_soon_as_drawn_nothing_is_asked(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bench.window.actions_by_name["auto"].setChecked(False)
    bench.draw(*RING)
    bench.settle()
    assert not engines
    bench.window.actions_by_name["classify"].trigger()
    bench.qtbot.waitUntil(lambda: bool(engines and engines[0].of_kind(Classify)))


def test_editing_a_region_marks_its_answer_outdated_until_the_new_one(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    engines[0].patient = True
    bench.window.canvas.roi_edited.emit(replace(square(250, 250, 120), id=roi.id))
    bench.qtbot.waitUntil(lambda: len(engines[0].of_kind(Classify)) == 2)
    assert "Outdated" in bench.texts(bench.window.answers_panel)
    assert not bench.window.canvas.scene.overlays.overlays  # the map belonged to the old shape
    engines[0].patient = False
    for request in engines[0].of_kind(Classify)[1:]:
        engines[0].fulfil(request)
    bench.qtbot.waitUntil(lambda: "Outdated" not in bench.texts(bench.window.answers_panel))


def test_undo_and_redo_of_a_drawing(bench: Bench) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    undo, redo = (bench.window.actions_by_name[n] for n in ("undo", "redo"))
    assert undo.text() == "Undo draw region"
    undo.trigger()
    assert not bench.document.rois and not undo.isEnabled()
    redo.trigger()
    assert bench.document.rois == (roi,)


def test_the_engine_dies_and_the_window_goes_on(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.draw(*RING)
    bench.settle()
    engines[0].patient = True
    roi = bench.draw(*((x + 30, y + 30) for x, y in RING))
    bench.qtbot.waitUntil(lambda: len(engines[0].of_kind(Classify)) == 2)
    engines[0].patient = False
    engines[0].die()
    bench.settle()
    message = bench.window.message_bar.message
    assert message is not None
    assert message.text == "The model process stopped; it has been started again."
    assert len(bench.document.rois) == 2
    assert len(engines) == 2 and engines[1].of_kind(Classify)[0].roi.id == roi.id
    assert "Adenocarcinoma" in bench.texts(bench.window.answers_panel)


def test_hovering_an_answer_outlines_the_window_that_the_model_saw(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    card = next(iter(bench.window.answers_panel._cards.values()))

    def outlined() -> bool:
        QTest.mouseMove(bench.window.canvas, QPoint(20, 20))  # it may lie on the card already
        QTest.mouseMove(card, QPoint(20, 20))
        return bool(bench.window.canvas.scene.overlays.highlight)

    bench.qtbot.waitUntil(outlined)
    (window,) = bench.window.canvas.scene.overlays.highlight
    assert card.result is not None and window == card.result.windows[0]


def test_changing_the_class_asks_for_its_map_only(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.draw(*RING)
    bench.settle()
    before = len(engines[0].requests)
    bench.document.set_map_settings(replace(bench.document.map_settings, target="scc"))
    bench.settle()
    (request,) = engines[0].requests[before:]
    assert isinstance(request, Explain) and request.target == "scc"
    assert (
        "Squamous cell carcinoma · 15.0 %"
        in bench.window.compare.cells[request.checkpoints[0]].accessibleName()
    )


def test_an_answer_without_the_chosen_class_shows_none(bench: Bench) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    model = bench.work.library.in_use[0]
    key = answer_key(bench.document, roi, model)
    made = bench.document.results.answer(key)
    assert made is not None
    bench.document.results.put(key, replace(made, probabilities={"aca": 1.0}))
    bench.document.set_map_settings(replace(bench.document.map_settings, target="scc"))
    shown = bench.window.compare.cells[model.path].accessibleName()
    assert "Squamous cell carcinoma" in shown and "%" not in shown


def test_a_batch_is_stopped_from_the_status_bar(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.document.add([square(x * 30, 300, 25, f"R{x}") for x in range(15)])
    bench.settle()
    assert not bench.window.status.stop.isVisible()
    bench.work.bridge.start()
    engines[-1].patient = True
    bench.window.actions_by_name["classify_all"].trigger()
    bench.qtbot.waitUntil(lambda: bench.window.status.stop.isVisible())
    assert "waiting" in bench.texts(bench.window.status)
    QTest.mouseClick(bench.window.status.stop, Qt.MouseButton.LeftButton)
    bench.qtbot.waitUntil(lambda: not bench.window.status.stop.isVisible())
    assert len(engines[-1].of_kind(Classify)) == 2


def test_colours_and_opacity_need_no_engine(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.draw(*RING)
    bench.settle()
    before = len(engines[0].requests)
    settings = replace(bench.document.map_settings, colormap="viridis", opacity=0.3, scale="shared")
    bench.document.set_map_settings(settings)
    bench.settle()
    assert len(engines[0].requests) == before
    assert bench.window.canvas.scene.overlays.opacity == pytest.approx(0.3)


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
    bench.work.open_paths([str(broken)])
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
    assert not bench.document.undo_stack.undo_text


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
    bench.work.open_paths([str(other)])
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
        window.canvas.zoom_at(0.5 if step < 3 else -0.5, None, smooth=False)
        qtbot.wait(20)
    bench.draw(*RING)
    bench.settle()  # the heartbeat's fixture judges
    assert bench.document.rois


def test_calibration_changes_the_scale_and_asks_again(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bench.draw(*RING)
    bench.settle()
    assert "scale unknown" in bench.texts(bench.window.answers_panel).lower()
    bench.document.set_calibration(replace(bench.document.calibration, mpp=0.25, field_px=300.0))
    bench.settle()
    last = engines[0].of_kind(Classify)[-1]
    assert last.slide.mpp == 0.25 and last.options.field_px == 300.0
    assert bench.window.canvas.mpp == 0.25


def test_regions_without_a_slide_end_with_a_sentence(window: MainWindow) -> None:
    told: list[str] = []
    window.workspace.regions.import_failed.connect(told.append)  # a screenshot leaves by it
    window.workspace.import_regions("regions.geojson")
    assert told == ["Open a slide first, then import its regions."]


def test_regions_of_two_files_with_the_same_ids_all_stay(bench: Bench, tmp_path: Path) -> None:
    def imported(file: Path) -> None:
        with bench.qtbot.waitSignal(bench.work.regions.imported):
            bench.work.import_regions(str(file))

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


def test_only_models_that_answer_have_a_box(bench: Bench) -> None:
    rows = {Path(path).stem: row for path, row in bench.window.models_panel._rows.items()}
    shown = {name: row._box.isVisible() for name, row in rows.items()}
    assert shown == {"first": True, "second": True, "masked": False}


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
    apply(Calibration(mpp=0.25))
    assert bench.document.calibration.mpp is None
    bench.window.dialogs.calibrate()
    assert [d.windowTitle() for d in dialogs()] == ["Calibration of other.tif"]


def test_a_map_without_evidence_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fakes.explanation

    def against(request: Explain, checkpoint: str) -> ExplainResult:
        made = real(request, checkpoint)
        values = np.linspace(-0.4, -0.1, 49, dtype=np.float32)
        maps = (replace(made.maps[0], values=values.tobytes()),)
        return replace(made, maps=maps, low=-0.4, high=-0.1)

    monkeypatch.setattr(fakes, "explanation", against)
    bench.draw(*RING)
    bench.settle()
    told = bench.texts(bench.window.evidence_panel)
    assert "Nothing in this region speaks for “Adenocarcinoma”" in told
    assert "\u22120.4 to \u22120.1" in told
    assert not bench.window.evidence_panel.value_scale.isVisible()


def test_names_in_narrow_cells_of_the_comparison_have_the_whole_width(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    cell = list(bench.window.compare.cells.values())[1]
    for width in (600, 200):
        cell.setMinimumWidth(width)
        cell.resize(width, 200)
        bench.qtbot.wait(10)
        assert cell._answer.width() > 170
        assert cell._answer._shown_text().endswith(" · 80.0 %")


def test_return_finishes_a_polygon(bench: Bench) -> None:
    bench.window.activateWindow()
    canvas = bench.window.canvas
    canvas.setFocus()
    bench.window.actions_by_name["polygon"].trigger()
    for place in RING[:3]:
        at = canvas.view.to_screen(*place).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
        bench.qtbot.wait(20)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert len(bench.document.rois) == 1


def test_the_width_of_a_window_is_shown_once_it_is_set(bench: Bench) -> None:
    bench.draw(*RING)
    bench.document.set_calibration(replace(bench.document.calibration, field_px=300.0))
    bench.settle()
    assert "One window covers 150 µm." in bench.texts(bench.window.answers_panel)


def test_every_control_has_a_name_for_screen_readers(bench: Bench) -> None:
    from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QScrollBar

    bench.draw(*RING)
    bench.settle()
    nameless = [
        widget
        for kind in (QAbstractButton, QAbstractSlider, QComboBox)
        for widget in bench.window.findChildren(kind)
        if widget.isVisible()
        and not isinstance(widget, QScrollBar)
        and not (widget.accessibleName() or getattr(widget, "text", str)())
    ]
    assert not [f"{type(w).__name__} in {type(w.parent()).__name__}" for w in nameless]
