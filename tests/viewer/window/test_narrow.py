"""A laptop's screen: the window at its smallest, with panels at their narrowest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QScrollArea

from tests.viewer.conftest import RING, Bench
from viewer.panels.answer_line import AnswerLine
from viewer.widgets.panel import LEAST_PX


def cut(docks: Sequence[QDockWidget]) -> dict[str, int]:
    """How many px of each column are out of reach: they do not scroll sideways."""
    found: dict[str, int] = {}
    for dock in docks:
        for area in [dock.widget(), *dock.findChildren(QScrollArea)]:
            if isinstance(area, QScrollArea) and area.widget() is not None:
                too_much = area.widget().width() - area.viewport().width()
                if too_much > 0:
                    found[dock.objectName()] = too_much
    return found


HIDDEN_AT_FIRST = ["slide_scan", "tile_map", "reconstruction", "view_colors", "slide_answer"]


@pytest.mark.parametrize("shown", HIDDEN_AT_FIRST)
def test_panels_of_200_px_show_everything_in_them(bench: Bench, shown: str) -> None:
    bench.draw(*RING)
    bench.settle()
    window = bench.window
    window.panels[shown].show()
    window.resize(window.minimumSize())
    assert window.minimumWidth() <= 900 and window.minimumHeight() <= 540
    docks = list(window.docks)
    window.resizeDocks(docks, [LEAST_PX] * len(docks), Qt.Orientation.Horizontal)
    bench.qtbot.waitUntil(lambda: all(dock.width() <= LEAST_PX + 1 for dock in docks))
    for _ in range(5):  # texts fold, then columns ask for less
        bench.qtbot.wait(20)
    assert not cut(docks)


@pytest.mark.parametrize("width", [LEAST_PX, 300])
def test_no_answer_is_squeezed(bench: Bench, width: int) -> None:
    bench.draw(*RING)
    bench.settle()
    window = bench.window
    docks = list(window.docks)
    window.resizeDocks(docks, [width] * len(docks), Qt.Orientation.Horizontal)
    for _ in range(5):
        bench.qtbot.wait(20)
    lines = [line for line in window.findChildren(AnswerLine) if line.isVisible()]
    assert lines
    assert all(line.height() >= line.heightForWidth(line.width()) for line in lines)
