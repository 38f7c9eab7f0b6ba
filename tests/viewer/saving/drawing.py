"""Draws with every tool of the slide in turn, one event of the mouse or a key at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from viewer.window.main_window import MainWindow

STEP_MS = 40
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
WAYS = (((60, 60), (160, 70), (150, 150), (70, 140)), ((200, 90), (280, 100), (270, 190)))
DRAGGED = ("lasso", "rectangle", "ellipse", "brush", "wand", "ruler", "pan")
CLICKED = ("polygon", "point", "angle")
ACTIONS = ("duplicate", "undo", "unite", "simplify", "fill_holes", "split", "lock", "hide")


def gestures(window: MainWindow) -> Iterator[None]:
    """Endless; each step is one event."""
    canvas = window.canvas
    for way in cycle(WAYS):
        places = [QPoint(*place) for place in way]
        for tool in DRAGGED:
            canvas.set_tool(tool)
            button = RIGHT if tool == "brush" and way is WAYS[1] else LEFT
            QTest.mousePress(canvas, button, NONE, places[0])
            yield
            for place in places[1:]:
                QTest.mouseMove(canvas, place)
                yield
            QTest.mouseRelease(canvas, button, NONE, places[-1])
            yield
        for tool in CLICKED:
            canvas.set_tool(tool)
            for place in places[:3]:
                QTest.mouseClick(canvas, LEFT, NONE, place)
                yield
            QTest.keyClick(canvas, Qt.Key.Key_Return)
            yield
        canvas.set_tool("pan")
        QTest.mouseClick(canvas, LEFT, SHIFT, places[0])
        yield
        for name in ACTIONS:
            action = window.actions_by_name[name]
            if action.isEnabled():
                action.trigger()
            yield
        window.actions_by_name["show_all"].trigger()
        yield
