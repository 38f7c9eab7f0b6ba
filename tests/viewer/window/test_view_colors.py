"""Colours of the view in the window: panel, menu, a white place, and what comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from tests.viewer.conftest import Bench
from viewer.panels.view_colors import ViewColorsPanel
from viewer.state.settings import SlideSettings, ViewColors
from viewer.tiles.reader import pixels


@pytest.fixture
def panel(bench: Bench) -> ViewColorsPanel:
    bench.window.actions_by_name["view_colors"].trigger()
    return bench.window.panels["view_colors"]


def shown(bench: Bench) -> np.ndarray:
    bench.settle()
    image = bench.window.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return pixels(image)[..., :3].astype(int)


def test_sliders_change_what_is_shown_and_reset_takes_it_back(
    bench: Bench, panel: ViewColorsPanel
) -> None:
    before = shown(bench)
    panel.brightness.setValue(-40)
    dark = shown(bench)
    middle = np.s_[dark.shape[0] // 2 - 40 : dark.shape[0] // 2 + 40, 200:400]
    assert dark[middle].mean() < before[middle].mean() - 60
    assert bench.document.slide_settings.colors == ViewColors(brightness=-0.4)
    bench.window.actions_by_name["own_colors"].trigger()
    assert np.array_equal(shown(bench), before) and panel.brightness.value() == 0


def test_nothing_that_a_model_reads_changes(bench: Bench, panel: ViewColorsPanel) -> None:
    roi = bench.draw((200, 200), (420, 210), (430, 400), (210, 410), (200, 210))
    bench.settle()
    reading = bench.document.reading(roi)
    told: list[object] = []
    bench.document.results_changed.connect(told.append)
    panel.gamma.setValue(60)
    bench.window.actions_by_name["stain_haematoxylin-eosin-1"].trigger()
    bench.settle()
    assert bench.document.reading(roi) == reading and told == []
    assert "models" in bench.texts(panel)


def test_a_place_of_glass_becomes_white(bench: Bench, panel: ViewColorsPanel) -> None:
    canvas = bench.window.canvas
    panel.white.click()
    assert canvas.tool() == "white" and panel.white.text() == "Give up picking"
    canvas.white_picked.emit((240, 230, 220))
    assert canvas.tool() == "pan"
    assert bench.document.slide_settings.colors.white == (240, 230, 220)
    panel.white.click()
    assert bench.document.slide_settings.colors.white is None


def test_the_white_place_is_picked_from_the_slides_own_pixels(
    bench: Bench, panel: ViewColorsPanel
) -> None:
    said: list[object] = []
    canvas = bench.window.canvas
    canvas.white_picked.connect(said.append)
    canvas.hint.connect(said.append)
    for brightness in (0, 50):  # the view's colours are not what is picked
        bench.document.set_slide_settings(SlideSettings())
        panel.brightness.setValue(brightness)
        bench.settle()
        bench.window.actions_by_name["pick_white"].trigger()
        said.clear()
        QTest.keyClick(canvas, Qt.Key.Key_Return)
        bench.qtbot.waitUntil(lambda: bool(said))
        if brightness == 0:
            first = said[-1]
    assert said[-1] == first


def test_the_panel_comes_back_with_the_colours(
    bench: Bench, panel: ViewColorsPanel, slide_file: Path
) -> None:
    panel.contrast.setValue(30)
    panel.stain.setCurrentIndex(2)
    panel.stain.activated.emit(2)
    kept = bench.document.slide_settings.colors
    assert kept.stain and kept.contrast == 0.3
    panel._close.click()
    bench.open(slide_file)
    assert bench.document.slide_settings.colors == kept
    assert bench.window.canvas.source.colors == kept and not panel.isHidden()
    assert bench.window.canvas.scene.colors_note == "Eosin"
