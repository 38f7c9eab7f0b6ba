"""Turning the slide from the menu and the dialog, and what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from tests.slides import write_pyramid
from tests.viewer.conftest import Bench
from viewer.saving.preferences import PreferenceStore
from viewer.text import formats
from viewer.window.rotate import RotateDialog


def rotation(bench: Bench) -> float:
    found = bench.window.canvas.view_state().rotation
    assert bench.document.slide_settings.rotation == found
    return found


def run(bench: Bench, *names: str) -> None:
    for name in names:
        bench.window.actions_by_name[name].trigger()


@pytest.fixture
def dialog(bench: Bench) -> RotateDialog:
    run(bench, "rotate")
    (made,) = bench.window.findChildren(RotateDialog)
    return made


def test_the_menu_turns_by_quarters_and_back(bench: Bench) -> None:
    upright = bench.window.actions_by_name["unrotate"]
    assert not upright.isEnabled()
    seen = []
    for name in ("rotate_right", "rotate_right", "rotate_right", "rotate_right", "rotate_left"):
        run(bench, name)
        seen.append(rotation(bench))
    assert seen == [90.0, 180.0, 270.0, 0.0, 270.0]
    assert upright.isEnabled()
    run(bench, "unrotate")
    assert rotation(bench) == 0.0 and not upright.isEnabled()


def test_keys_turn_while_the_slide_has_the_focus(bench: Bench) -> None:
    canvas = bench.window.canvas
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert rotation(bench) == 90.0
    QTest.keyClick(canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert rotation(bench) == 0.0


def test_a_typed_angle_turns_and_cancel_takes_it_back(bench: Bench, dialog: RotateDialog) -> None:
    run(bench, "rotate_right")
    assert dialog.angle.value() == 90.0 and dialog.slider.value() == 90
    dialog.angle.selectAll()
    QTest.keyClicks(dialog.angle, "-12,5")
    assert rotation(bench) == 90.0  # not at each digit
    dialog.angle.interpretText()
    assert rotation(bench) == 347.5
    assert dialog.slider.value() == -12
    dialog.slider.setValue(-180)
    assert rotation(bench) == 180.0 and dialog.slider.value() == -180
    dialog.reject()
    assert rotation(bench) == 0.0


def test_the_dialog_leaves_the_middle_of_the_slide_free(bench: Bench, dialog: RotateDialog) -> None:
    canvas = bench.window.canvas
    middle = canvas.mapToGlobal(canvas.rect().center())
    assert not dialog.frameGeometry().contains(middle)
    assert dialog.frameGeometry().intersects(canvas.rect().translated(canvas.mapToGlobal(QPoint())))


def test_what_is_confirmed_stays(bench: Bench, dialog: RotateDialog) -> None:
    dialog.angle.selectAll()
    QTest.keyClicks(dialog.angle, "37")
    QTest.keyClick(dialog.angle, Qt.Key.Key_Return)
    assert rotation(bench) == 37.0


def test_each_slide_has_its_own_rotation_and_finds_it_again(
    bench: Bench, slide_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.tif"
    write_pyramid(other, seed=7)
    run(bench, "rotate_left")
    bench.open(other)
    assert rotation(bench) == 0.0
    bench.window.canvas.camera.zoom_at(1.0, None, smooth=False)
    bench.window.canvas.camera.turn_to(37.0)
    before = bench.window.canvas.view_state()
    bench.open(slide_file)
    assert rotation(bench) == 270.0 and bench.window.canvas.camera.fits
    bench.open(other)
    assert bench.window.canvas.view_state() == before


def test_another_slide_closes_the_dialog_and_keeps_its_own_rotation(
    bench: Bench, dialog: RotateDialog, tmp_path: Path
) -> None:
    dialog.slider.setValue(20)
    dialog.accept()
    run(bench, "rotate")
    write_pyramid(tmp_path / "other.tif", seed=7)
    bench.open(tmp_path / "other.tif")
    assert rotation(bench) == 0.0
    assert not [d for d in bench.window.findChildren(RotateDialog) if d.isVisible()]


def test_turning_does_not_touch_what_models_read(bench: Bench) -> None:
    told: list[object] = []
    bench.document.slide_settings_changed.connect(lambda: told.append("settings"))
    bench.document.results_changed.connect(told.append)
    run(bench, "rotate_right")
    bench.settle()
    assert told == []


def test_views_of_the_comparison_turn_with_the_slide_and_it_with_them(bench: Bench) -> None:
    bench.draw((200, 200), (420, 210), (430, 400), (210, 410), (200, 210))
    bench.settle()
    compare = bench.window.compare
    run(bench, "rotate_right")
    compare.set_opened(True)
    bench.qtbot.waitUntil(lambda: not (bench.work.busy or compare.busy) and compare.settled)
    cells = [cell.canvas for cell in compare.matrix.cells.values()]
    assert cells and all(cell.view_state().rotation == 90.0 for cell in cells)
    assert [cell.scene.has_compass for cell in cells] == [True] + [False] * (len(cells) - 1)
    run(bench, "rotate_right")
    assert all(cell.view_state().rotation == 180.0 for cell in cells)
    cells[0].camera.turn_to(30.0)
    assert rotation(bench) == 30.0
    assert all(cell.view_state().rotation == 30.0 for cell in cells)


@pytest.mark.parametrize("name", ["grid", "crosshair"])
def test_grid_and_crosshair_are_kept_as_preferences(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    action = bench.window.actions_by_name[name]
    assert not action.isChecked()
    before = bench.window.canvas.grab().toImage()
    action.trigger()
    assert action.isChecked()
    assert bench.window.canvas.grab().toImage() != before
    bench.settle()
    (store,) = (Path(f) for f in tmp_path.rglob("preferences.json"))
    assert getattr(PreferenceStore(store.parent).now, name)
    action.trigger()
    assert bench.window.canvas.grab().toImage() == before


def test_the_compass_gives_way_to_a_message(bench: Bench) -> None:
    canvas, bar = bench.window.canvas, bench.window.message_bar
    bench.window.actions_by_name["rotate_right"].trigger()
    alone = canvas.scene.compass_place()
    bench.work.messages.warn("Something is wrong. Do this next.")
    bench.settle()
    under = canvas.mapTo(bench.window, canvas.scene.compass_place().topLeft().toPoint())
    assert bar.isVisible() and not bar.geometry().isEmpty()
    assert under.y() >= bar.mapTo(bench.window, bar.rect().bottomLeft()).y()
    bar.close_message()
    assert canvas.scene.compass_place() == alone


@pytest.mark.parametrize(
    ("degrees", "text"),
    [
        (0.0, "0°"),
        (359.97, "0°"),
        (37.04, "37°"),
        (347.5, "−12.5°"),
        (180.0, "180°"),
        (270.0, "−90°"),
    ],
)
def test_a_rotation_in_words(degrees: float, text: str) -> None:
    assert formats.rotation(degrees) == text
