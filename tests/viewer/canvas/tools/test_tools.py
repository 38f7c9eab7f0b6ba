"""The list of tools, from which the window makes actions and the canvas its tools."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt, SignalInstance
from PySide6.QtGui import QKeySequence

from tests.viewer.canvas.conftest import Driver
from viewer.canvas.tools import TOOLS
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.look.icons import icon


def test_every_tool_can_be_shown_and_reached() -> None:
    assert len({tool.id for tool in TOOLS}) == len({tool.keys for tool in TOOLS}) == len(TOOLS)
    for tool in TOOLS:
        assert tool.id and tool.text and tool.tip
        assert not QKeySequence(tool.keys).isEmpty()
        assert not icon(tool.icon).isNull()


def test_a_canvas_begins_with_the_first_tool_and_chooses_by_id(driver: Driver) -> None:
    chosen: list[str] = []
    driver.canvas.tool_changed.connect(chosen.append)
    assert driver.canvas.tool() == TOOLS[0].id == "pan"
    for tool in (*TOOLS, *TOOLS[-1:]):
        driver.canvas.set_tool(tool.id)
        assert driver.canvas.tool() == tool.id
        assert driver.canvas.cursor().shape() == tool.cursor
    assert chosen == [tool.id for tool in TOOLS[1:]]  # said once, and only when it changes
    with pytest.raises(KeyError):
        driver.canvas.set_tool("pipette")
    assert driver.canvas.tool() == TOOLS[-1].id


def test_two_canvases_draw_apart(driver: Driver, make_driver: Callable[..., Driver]) -> None:
    other = make_driver()
    other.canvas.share_source(driver.canvas)
    for each in (driver, other):
        each.look_at(500, 350, 1.0)
        each.canvas.set_tool("polygon")
    driver.click(400, 300)
    assert driver.canvas.pointer.tool.is_busy and not other.canvas.pointer.tool.is_busy


def test_what_the_mouse_does_is_announced_by_the_canvas_alone(driver: Driver) -> None:
    """A signal that is declared twice must be connected twice, and drifts apart."""
    for part in (driver.canvas.pointer, driver.canvas.pointer.tool, driver.canvas.scene):
        assert not inspect.getmembers(part, lambda value: isinstance(value, SignalInstance))


def test_a_tool_that_only_has_a_name_pans_selects_and_leaves_keys_alone(driver: Driver) -> None:
    tool = Tool(driver.canvas)
    at = Cursor(10, 20, 2.0)
    assert not tool.press(at) and not tool.key(Qt.Key.Key_A) and not tool.is_busy
    assert tool.cursor_at(at) == Qt.CursorShape.CrossCursor


def test_distances_on_the_screen_follow_the_zoom() -> None:
    at = Cursor(100, 200, 4.0)  # 4 level-0 pixels on a screen pixel
    assert at.distance_px((112, 216)) == 5
    assert at.around(3) == (88, 188, 112, 212)
