"""Whole windows that are made with other lists of actions and panels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Bench
from tests.viewer.fakes import FakeEngine
from tests.viewer.window.scan_reader import Reader
from viewer.window.main_window import MainWindow

Opened = Callable[..., MainWindow]


@pytest.fixture
def opened(qtbot: QtBot, tmp_path: Path) -> Iterator[Opened]:
    """Shows a window that is made with other lists."""
    made: list[MainWindow] = []

    def make(**lists: object) -> MainWindow:
        made.append(MainWindow(FakeEngine, tmp_path / "user", **lists))
        qtbot.addWidget(made[-1])
        made[-1].show()
        qtbot.waitExposed(made[-1])
        return made[-1]

    yield make
    for window in made:
        window.close()


def menu_of(window: MainWindow, title: str) -> QMenu:
    return next(a.menu() for a in window.menuBar().actions() if a.text() == title)


def texts(actions: list[QAction]) -> list[str]:
    """As a user reads them; "-" for a line between groups."""
    return ["-" if a.isSeparator() else a.text() for a in actions]


@pytest.fixture
def reader(bench: Bench) -> Reader:
    made = Reader(bench)
    made.set_scale()
    return made
