"""A tool in the list is in the menu, on the tool bar, among the keys, and works on the slide."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolBar
from pytestqt.qtbot import QtBot

from tests.slides import write_pyramid
from tests.viewer.canvas.tools.stamp import Stamp
from tests.viewer.window.conftest import Opened, menu_of, texts
from viewer.actions.table import ACTIONS, EDIT, tool_action
from viewer.canvas.tools import TOOLS
from viewer.window.shortcuts import on_the_slide


def test_an_added_tool_is_one_class(
    opened: Opened, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.canvas.pointer.TOOLS", [*TOOLS, Stamp])
    monkeypatch.setattr("viewer.window.shortcuts.TOOLS", [*TOOLS, Stamp])
    window = opened(actions=(*ACTIONS, tool_action(Stamp)))
    action = window.actions_by_name["stamp"]
    assert "Stamp" in texts(menu_of(window, EDIT).actions())
    (bar,) = window.findChildren(QToolBar)
    assert bar.widgetForAction(action).toolTip() == "Stamp a triangle (T)"
    assert ("Alt + drag", "Move the slide while stamping") in on_the_slide()
    assert not action.isEnabled()  # without a slide
    write_pyramid(tmp_path / "slide.tif")
    with qtbot.waitSignal(window.canvas.slide_opened):
        window.workspace.files.open([str(tmp_path / "slide.tif")])
    canvas = window.canvas
    qtbot.waitUntil(canvas.is_settled)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(canvas, Qt.Key.Key_T)
    assert canvas.tool() == "stamp" and action.isChecked()
    place = canvas.camera.view.to_screen(300, 200).toPoint()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    (roi,) = window.workspace.document.rois
    assert roi.polygons[0][0][0] == canvas.camera.view.to_slide(place.x(), place.y())
