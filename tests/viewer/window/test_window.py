"""The whole window, driven with the mouse, on a small slide with a scripted engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from ssmamba.engine.messages import CheckpointFailed, Classify, Explain, JobDone, Reconstruct
from tests.viewer.conftest import RING, Bench
from tests.viewer.fakes import FakeEngine, square
from viewer.controllers.analysis import AnalysisController
from viewer.window.main_window import MainWindow


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
    told = bench.texts(bench.window.panels["answers"])
    assert "First model" in told and "Second model" in told
    assert told.splitlines().count("Adenocarcinoma") == 2 and "80.0\u00a0%" in told
    assert "PSNR 18.25 dB" in bench.texts(bench.window.panels["reconstruction"])
    assert "scored on the masked parts only" in bench.texts(bench.window.panels["reconstruction"])
    assert "{" not in bench.texts(bench.window)  # every text has its values filled in
    assert len(bench.window.canvas.scene.overlays.overlays) == 1


def test_a_drawn_region_is_asked_for_once(
    bench: Bench, engines: list[FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    ask = AnalysisController.ask
    monkeypatch.setattr(
        AnalysisController, "ask", lambda self, ids: asked.append(ids) or ask(self, ids)
    )
    roi = bench.draw(*RING)
    bench.settle()
    assert asked == [[roi.id]]
    sent = [type(r) for r in engines[0].requests if isinstance(r, Classify | Explain | Reconstruct)]
    assert sent == [Classify, Explain, Reconstruct]


def test_each_broken_model_says_on_its_own_card_why(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bench.draw(*RING)
    bench.settle()
    engines[0].patient = True
    second = bench.draw(*((x + 300, y) for x, y in RING))
    bench.qtbot.waitUntil(lambda: len(engines[0].of_kind(Classify)) == 2)
    request = engines[0].of_kind(Classify)[1]
    assert request.roi.id == second.id
    reasons = ["The file is cut short; copy it again.", "It has no classes; choose another."]
    for path, reason in zip(request.checkpoints, reasons, strict=True):
        engines[0].reply(CheckpointFailed(request.job, path, reason))
    engines[0].reply(JobDone(request.job))
    bench.qtbot.wait(20)
    told = bench.texts(bench.window.panels["answers"]).splitlines()
    assert [text for text in told if text in reasons] == reasons
    cards = bench.window.panels["answers"]._lines.values()
    assert {card._again.text() for card in cards} == {"Try again"}


def test_without_classify_as_soon_as_drawn_nothing_is_asked(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bench.window.actions_by_name["auto"].trigger()
    bench.draw(*RING)
    bench.settle()
    assert not engines
    bench.window.actions_by_name["classify"].trigger()
    bench.qtbot.waitUntil(lambda: bool(engines and engines[0].of_kind(Classify)))


def test_the_card_of_a_region_that_is_not_classified_offers_to_classify_it(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bench.window.actions_by_name["auto"].trigger()
    bench.draw(*RING)
    bench.settle()
    card = next(iter(bench.window.panels["answers"]._lines.values()))
    assert card._again.isVisible() and card._again.text() == "Classify"
    card._again.click()
    bench.qtbot.waitUntil(lambda: bool(engines and engines[0].of_kind(Classify)))
    bench.settle()
    assert not card._again.isVisible()


def test_editing_a_region_marks_its_answer_outdated_until_the_new_one(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    roi = bench.draw(*RING)
    bench.settle()
    engines[0].patient = True
    bench.window.canvas.rois_edited.emit([replace(square(250, 250, 120), id=roi.id)])
    bench.qtbot.waitUntil(lambda: len(engines[0].of_kind(Classify)) == 2)
    assert "Outdated" in bench.texts(bench.window.panels["answers"])
    assert not bench.window.canvas.scene.overlays.overlays  # the map belonged to the old shape
    engines[0].patient = False
    for request in engines[0].of_kind(Classify)[1:]:
        engines[0].fulfil(request)
    bench.qtbot.waitUntil(lambda: "Outdated" not in bench.texts(bench.window.panels["answers"]))


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
    assert message.text.startswith("The model process was restarted.")
    assert len(bench.document.rois) == 2
    assert len(engines) == 2 and engines[1].of_kind(Classify)[0].roi.id == roi.id
    assert "Adenocarcinoma" in bench.texts(bench.window.panels["answers"])


def test_hovering_an_answer_outlines_the_window_that_the_model_saw(bench: Bench) -> None:
    bench.draw(*RING)
    bench.settle()
    card = next(iter(bench.window.panels["answers"]._lines.values()))

    def outlined() -> bool:
        QTest.mouseMove(bench.window.canvas, QPoint(20, 20))  # it may lie on the card already
        QTest.mouseMove(card, QPoint(20, 20))
        return bench.window.canvas.scene.overlays.highlight is not None

    bench.qtbot.waitUntil(outlined)
    assert card.result is not None
    outlines = bench.window.canvas.scene.overlays.highlight
    np.testing.assert_array_equal(outlines, card.result.windows.array)


def test_a_batch_is_stopped_from_the_status_bar(bench: Bench, engines: list[FakeEngine]) -> None:
    bench.document.add([square(x * 30, 300, 25, f"R{x}") for x in range(15)])
    bench.settle()
    assert not bench.window.status.stop.isVisible()
    bench.work.bridge.start()
    engines[-1].patient = True
    bench.window.actions_by_name["classify_all"].trigger()
    bench.qtbot.waitUntil(lambda: bench.window.status.stop.isVisible())
    assert "Classifying R0, 1 of 15" in bench.texts(bench.window.status)
    QTest.mouseClick(bench.window.status.stop, Qt.MouseButton.LeftButton)
    bench.qtbot.waitUntil(lambda: not bench.window.status.stop.isVisible())
    assert len(engines[-1].of_kind(Classify)) == 2


def test_only_models_that_answer_have_a_box(bench: Bench) -> None:
    rows = {Path(path).stem: row for path, row in bench.window.panels["models"]._rows.items()}
    shown = {name: row._box.isVisible() for name, row in rows.items()}
    assert shown == {"first": True, "second": True, "masked": False}


def test_return_finishes_a_polygon(bench: Bench) -> None:
    bench.window.activateWindow()
    canvas = bench.window.canvas
    canvas.setFocus()
    bench.window.actions_by_name["polygon"].trigger()
    for place in RING[:3]:
        at = canvas.camera.view.to_screen(*place).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
        bench.qtbot.wait(20)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert len(bench.document.rois) == 1


def test_the_width_of_a_window_is_shown_once_it_is_set(bench: Bench) -> None:
    bench.draw(*RING)
    bench.document.set_slide_settings(replace(bench.document.slide_settings, field_px=300.0))
    bench.settle()
    assert "One window covers 150 µm." in bench.texts(bench.window.panels["answers"])


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
