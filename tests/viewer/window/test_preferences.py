"""Preferences count at once, are kept, and do no harm when the file is damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Bench, Heartbeat
from viewer.app import engine_factory
from viewer.canvas import habits
from viewer.look import theme, tokens
from viewer.saving.cache_files import remove_all, size_bytes
from viewer.saving.preferences import NAME, PreferenceStore
from viewer.state.preferences import Preferences
from viewer.window.preferences import PreferencesDialog


@pytest.fixture
def dialog(bench: Bench, qtbot: QtBot) -> Iterator[PreferencesDialog]:
    bench.window.actions_by_name["preferences"].trigger()
    (made,) = bench.window.findChildren(PreferencesDialog)
    yield made
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.choose(app, "system")


def test_the_theme_changes_at_once_and_is_kept(
    bench: Bench, dialog: PreferencesDialog, tmp_path: Path, heartbeat: Heartbeat
) -> None:
    assert not tokens.is_dark()
    dialog.theme.buttons[2].click()
    heartbeat.reset()  # every widget is styled again, which nobody does while panning
    assert tokens.is_dark()
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    assert app.palette().window().color().name() == tokens.DARK.window
    bench.work.finish()
    kept = PreferenceStore(tmp_path / "user").now
    assert kept == Preferences(theme="dark")


def test_another_device_and_fewer_cores_start_the_models_anew(
    bench: Bench, dialog: PreferencesDialog, qtbot: QtBot
) -> None:
    bench.work.bridge.start()
    with qtbot.waitSignal(bench.work.bridge.restarted):
        dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
        dialog.threads.setValue(1)
    now = bench.work.preferences.now
    assert (now.device, now.threads) == ("cpu", 1)


def test_models_of_a_start_can_be_fixed(bench: Bench, dialog: PreferencesDialog) -> None:
    dialog.same_models.click()
    in_use = tuple(model.path for model in bench.work.library.in_use)
    assert in_use and bench.work.preferences.now.models == in_use
    dialog.same_models.click()
    assert bench.work.preferences.now.models == ()


def test_fewer_tiles_are_kept_in_memory_at_once(bench: Bench, dialog: PreferencesDialog) -> None:
    source = bench.window.canvas.source
    assert source is not None
    dialog.tiles.setCurrentIndex(0)
    source.cache.put("a", None, 100 * 2**20)  # type: ignore[arg-type]
    source.cache.put("b", None, 100 * 2**20)  # type: ignore[arg-type]
    assert "a" not in source.cache and "b" in source.cache  # type: ignore[operator]
    source.cache.clear()
    dialog.tiles.setCurrentIndex(dialog.tiles.findData(512))


def test_the_language_is_told_to_wait_for_the_next_start(
    bench: Bench, dialog: PreferencesDialog
) -> None:
    assert dialog._later.isHidden()
    dialog.language.setCurrentIndex(dialog.language.findData("de"))
    assert not dialog._later.isHidden()
    assert bench.work.preferences.now.language == "de"


@pytest.mark.parametrize(
    "written",
    ["", "[]", "{", '{"threads": -1, "theme": "dark"}', '{"theme": "dark", "tile_mb": "x"}'],
)
def test_what_cannot_be_has_its_default(tmp_path: Path, written: str) -> None:
    (tmp_path / NAME).write_text(written)
    found = PreferenceStore(tmp_path).now
    assert found == Preferences(theme="dark" if "dark" in written else "system")


def test_the_command_line_goes_before_the_preferred_device(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({"device": "cpu", "threads": 3}))
    store = PreferenceStore(tmp_path)
    preferred = engine_factory("auto", store)(print, print)
    assert (preferred.device, preferred.threads) == ("cpu", 3)
    assert engine_factory("cuda:1", store)(print, print).device == "cuda:1"


def test_temporary_files_go_but_not_those_in_use(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a").write_bytes(b"1" * 1000)
    (tmp_path / "open.tif").write_bytes(b"1" * 24)
    assert size_bytes(tmp_path) == 1024
    remove_all(tmp_path, keep=[str(tmp_path / "open.tif")])
    assert [path.name for path in tmp_path.iterdir()] == ["open.tif"]
    assert size_bytes(tmp_path / "none") == 0


def test_how_fingers_move_the_slide_counts_on_every_slide_at_once(
    bench: Bench, dialog: PreferencesDialog, tmp_path: Path
) -> None:
    dialog.touchpad.setCurrentIndex(dialog.touchpad.findData("zoom"))
    dialog.glide.click()
    assert (habits.current().touchpad, habits.current().glide) == ("zoom", False)
    bench.work.finish()
    assert PreferenceStore(tmp_path / "user").now == Preferences(touchpad="zoom", glide=False)
    dialog.touchpad.setCurrentIndex(dialog.touchpad.findData("move"))
    dialog.glide.click()
    assert habits.current() == Preferences()
