"""A place is brought into view by its coordinates."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.viewer.conftest import Bench
from viewer.window.go_to import GoToDialog


@pytest.fixture
def dialog(bench: Bench) -> GoToDialog:
    bench.window.canvas.camera.zoom_at(2.0, None, smooth=False)
    bench.window.actions_by_name["go_to"].trigger()
    (made,) = bench.window.findChildren(GoToDialog)
    return made


def centre(bench: Bench) -> tuple[float, float]:
    state = bench.window.canvas.view_state()
    return state.center_x, state.center_y


def test_typed_pixels_are_the_middle_of_the_view(bench: Bench, dialog: GoToDialog) -> None:
    zoom = bench.window.canvas.view_state().downsample
    assert (dialog.across.value(), dialog.down.value()) == pytest.approx(centre(bench), abs=0.06)
    dialog.across.selectAll()
    QTest.keyClicks(dialog.across, "300")
    dialog.down.selectAll()
    QTest.keyClicks(dialog.down, "200,5")
    QTest.keyClick(dialog.down, Qt.Key.Key_Return)
    assert centre(bench) == (300.0, 200.5)
    assert bench.window.canvas.view_state().downsample == zoom


def test_micrometres_count_from_the_same_corner(bench: Bench, dialog: GoToDialog) -> None:
    dialog.across.setValue(300.0)
    dialog.down.setValue(200.0)
    dialog.unit.setCurrentIndex(1)
    assert (dialog.across.value(), dialog.down.value()) == (150.0, 100.0)  # 0.5 µm/px
    dialog.across.setValue(200.0)
    dialog.accept()
    assert centre(bench) == (400.0, 200.0)


def test_a_place_off_the_slide_is_its_nearest_edge(bench: Bench, dialog: GoToDialog) -> None:
    dialog.across.setValue(1e8)
    dialog.accept()
    assert centre(bench)[0] == bench.document.slide.width
