"""The line at the bottom says what goes on, where the pointer is, and what computes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ssmamba.engine.messages import PreparingKernels
from tests.viewer.conftest import Bench
from tests.viewer.fakes import FakeEngine
from viewer.window.about import AboutDialog, facts
from viewer.window.calibration import CalibrationDialog
from viewer.window.main_window import MainWindow
from viewer.window.status_bar import LONGEST_REASON, StatusBar


def said(bar: StatusBar) -> str:
    return bar._activity.text()


def test_the_place_under_the_pointer_has_the_units_of_the_slide(bench: Bench) -> None:
    bar = bench.window.status
    bar.show_position(1000.0, 24.4)
    assert bar._position.text() == "500 µm, 12 µm"  # 0.5 µm/px
    bench.document.set_slide(replace(bench.document.slide, mpp=None))
    bar.show_position(1000.0, 24.4)
    assert bar._position.text() == "1000, 24 px"
    bar.show_position(math.nan, math.nan)  # the pointer has left
    assert bar._position.text() == ""


def test_a_hint_stands_before_what_is_being_done_and_leaves_it_behind(window: MainWindow) -> None:
    bar = window.status
    bar.show_analysis("Classifying Region 1", 3, 10)
    bar.show_hint("Click at least three corners.")
    assert said(bar) == "Click at least three corners."
    bar.show_hint("")
    assert said(bar) == "Classifying Region 1…"
    assert bar._progress.isVisible() and bar._progress.value() == 3


def test_a_slide_that_cannot_be_opened_is_no_longer_being_opened(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.workspace.slides.open("/nowhere/a.svs")
    assert said(window.status) == "Opening a.svs…"
    qtbot.waitUntil(lambda: not window.workspace.slides.busy)
    assert said(window.status) == ""


def test_kernels_that_are_being_prepared_stand_behind_what_the_user_waits_for(
    window: MainWindow, engines: list[FakeEngine], qtbot: QtBot
) -> None:
    bar, bridge = window.status, window.workspace.bridge
    bridge.start()
    qtbot.waitUntil(lambda: bridge.state is not None)
    engine = engines[-1]
    engine.reply(PreparingKernels(0.4, "torch"))
    assert said(bar) == "Preparing fast kernels, once per computer: 40 %"
    assert bar._progress.value() == 40 and not bar.stop.isVisible()
    bar.show_analysis("Classifying Region 1", 3, 10)
    engine.reply(PreparingKernels(0.5, "torch"))
    assert said(bar) == "Classifying Region 1…" and bar._progress.value() == 3
    bar.show_analysis("", 0, 0)
    assert said(bar) == "Preparing fast kernels, once per computer: 50 %"
    assert dict(facts(bridge.state))["Selective scan"] == "torch"
    engine.reply(PreparingKernels(1.0, "cpu"))
    assert said(bar) == "" and not bar._progress.isVisible()
    assert dict(facts(bridge.state))["Selective scan"] == "cpu"


def test_what_is_done_last_is_shown_and_what_is_over_leaves_the_other(window: MainWindow) -> None:
    bar = window.status
    bar.show_drawing("Drawing the demo slide", 1, 4)
    bar.show_analysis("Classifying Region 1", 0, 0)
    assert said(bar) == "Classifying Region 1…" and bar.stop.isVisible()
    bar.show_analysis("", 0, 0)
    assert said(bar) == "Drawing the demo slide…" and not bar.stop.isVisible()
    assert (bar._progress.value(), bar._progress.maximum()) == (1, 4)
    bar.show_drawing("", 0, 0)
    assert said(bar) == "" and not bar._progress.isVisible()


def test_the_scale_opens_the_calibration(bench: Bench, qtbot: QtBot) -> None:
    bar = bench.window.status
    assert bar.scale.text() == "0.5 µm/px"
    assert bar.scale.accessibleName() == "Scale of the slide: 0.5 µm/px"
    assert "Click to set the scale" in bar.scale.toolTip()
    bench.document.set_slide_settings(replace(bench.document.slide_settings, mpp=0.25))
    assert bar.scale.text() == "0.25 µm/px"
    QTest.mouseClick(bar.scale, Qt.MouseButton.LeftButton)
    (dialog,) = bench.window.findChildren(CalibrationDialog)
    assert dialog.isVisible()
    bench.document.set_slide(None)  # what it says belonged to that slide
    assert not dialog.isVisible() and not bar.scale.isVisible()


def test_an_unknown_scale_asks_for_one(bench: Bench) -> None:
    bench.document.set_slide(replace(bench.document.slide, mpp=None))
    assert bench.window.status.scale.text() == "Scale unknown, set µm/px…"
    assert bench.window.status.scale.accessibleName() == "Scale of the slide: unknown"


def test_the_device_says_what_models_run_on_and_why(
    bench: Bench, engines: list[FakeEngine]
) -> None:
    bar = bench.window.status
    assert bar.device.text() == "Starting models…"
    bench.work.bridge.start()
    bench.qtbot.waitUntil(lambda: bench.work.bridge.state is not None)
    state = bench.work.bridge.state
    assert bar.device.text().startswith(state.device_name)
    assert (
        bar.device.accessibleName() == f"Models run on {state.device_name}: {state.device_reason}"
    )
    bar.show_device(replace(state, device="cpu", device_reason="x" * 200))
    assert bar.device.text().endswith("…") and len(bar.device.text()) < 100 + LONGEST_REASON
    assert "x" * 200 in bar.device.toolTip()
    bar.show_device(replace(state, device="cuda:0", device_reason="the fastest"))
    assert bar.device.text() == state.device_name  # a GPU needs no excuse
    bar.show_device(None, "out of memory")
    assert bar.device.text() == "Models stopped"
    assert "out of memory. Classify a region to restart it." in bar.device.toolTip()


@pytest.mark.parametrize("started", [False, True])
def test_about_says_what_models_run_on_as_soon_as_it_is_known(
    bench: Bench, engines: list[FakeEngine], started: bool
) -> None:
    if started:
        bench.work.bridge.start()
        bench.qtbot.waitUntil(lambda: bench.work.bridge.state is not None)
    QTest.mouseClick(bench.window.status.device, Qt.MouseButton.LeftButton)
    (dialog,) = bench.window.findChildren(AboutDialog)
    text = bench.texts(dialog)
    assert "Research use only, not a medical device." in text
    assert ("the model process has not started yet" in text) is not started
    assert ("Selective scan" in text) is started
    bench.window.actions_by_name["about"].trigger()  # it is open already
    assert len(bench.window.findChildren(AboutDialog)) == 1
    dialog.reject()
