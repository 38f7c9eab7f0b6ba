"""The window comes back as it was left."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow
from pytestqt.qtbot import QtBot

from viewer.window.window_memory import WindowMemory


def window_with_panel(qtbot: QtBot) -> tuple[QMainWindow, QDockWidget]:
    window, panel = QMainWindow(), QDockWidget("Panel")
    panel.setObjectName("panel")
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, panel)
    window.resize(640, 480)
    qtbot.addWidget(window)
    return window, panel


def test_size_and_hidden_panels_come_back(qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "window.json"
    first, panel = window_with_panel(qtbot)
    WindowMemory(first, file)
    first.show()
    first.resize(700, 500)
    panel.hide()
    first.close()
    second, other = window_with_panel(qtbot)
    WindowMemory(second, file)
    second.show()
    assert (second.width(), second.height()) == (700, 500)
    assert other.isHidden()


@pytest.mark.parametrize(
    "kept",
    ['{"geometry": 3}', "[1]", "[" * 50_000, '{"geometry": %s}' % ("9" * 5000), "\ufeff{}", "\0"],
    ids=["number", "list", "deep", "5,000 digits", "byte order mark", "zero"],
)
def test_a_damaged_memory_counts_as_none(qtbot: QtBot, tmp_path: Path, kept: str) -> None:
    file = tmp_path / "window.json"
    file.write_text(kept)
    window, panel = window_with_panel(qtbot)
    WindowMemory(window, file)
    window.show()
    assert panel.isVisible()


def test_a_memory_with_any_byte_damaged_counts_as_none_or_is_the_same(
    qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "window.json"
    first, first_panel = window_with_panel(qtbot)
    WindowMemory(first, file)
    first.show()
    first.resize(700, 500)
    first_panel.hide()
    first.close()
    whole = file.read_bytes()
    for at in range(0, len(whole), 37):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        window, _ = window_with_panel(qtbot)
        WindowMemory(window, file)
        assert (window.width(), window.height()) in ((640, 480), (700, 500))
    file.write_bytes(whole[: len(whole) // 2])
    window, panel = window_with_panel(qtbot)
    WindowMemory(window, file)
    window.show()
    assert (window.width(), window.height()) == (640, 480) and panel.isVisible()


def test_the_window_is_never_larger_than_the_screen(qtbot: QtBot, tmp_path: Path) -> None:
    window, _ = window_with_panel(qtbot)
    window.resize(9000, 9000)
    WindowMemory(window, tmp_path / "none.json")
    room = window.screen().availableGeometry()
    assert window.width() <= room.width() and window.height() <= room.height()
