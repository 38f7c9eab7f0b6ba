"""The list of keys shows those that are handled, each where it is handled."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from viewer.actions.table import ACTIONS
from viewer.canvas.tools import TOOLS
from viewer.window.shortcuts import Shortcut, ShortcutsDialog, in_menus, on_the_slide


def spelt_out(listed: Shortcut) -> list[Shortcut]:
    """Each shortcut of a line: "1 – 9" are nine."""
    keys, text = listed
    if " – " not in keys:
        return [listed]
    first, last = re.fullmatch(r".*?(\d) – (\d)", keys).groups()
    return [
        (re.sub(r"\d – \d", str(n), keys), re.sub(r"\d – \d", str(n), text))
        for n in range(int(first), int(last) + 1)
    ]


def test_every_key_of_an_action_is_listed_once() -> None:
    listed = [keys for line in in_menus(ACTIONS) for keys, _ in spelt_out(line)]
    native = QKeySequence.SequenceFormat.NativeText
    assert listed == [QKeySequence(a.keys).toString(native) for a in ACTIONS if a.keys]
    assert len(set(listed)) == len(listed)
    assert all(text and not text.endswith("…") for _, text in in_menus(ACTIONS))


def test_keys_that_differ_by_a_number_share_a_line() -> None:
    listed = in_menus(ACTIONS)
    assert ("1 – 9", "Class 1 – 9") in listed and ("0", "No class") in listed
    assert ("Alt+1 – 9", "New regions: class 1 – 9") in listed
    assert {"F6", "F11"} < set(dict(listed))


def test_the_list_fits_the_screen(qtbot: QtBot) -> None:
    dialog = ShortcutsDialog(ACTIONS)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    room = dialog.screen().availableGeometry()
    assert dialog.height() <= room.height()
    (area,) = dialog.findChildren(QScrollArea)
    assert area.widget().width() <= area.viewport().width()


def test_what_tools_do_with_mouse_and_keys_is_listed() -> None:
    listed = on_the_slide()
    gestures = [gesture for tool in TOOLS for gesture in tool.gestures]
    assert gestures and set(gestures) < set(listed)
    assert dict(listed)["Esc"] == "Cancel drawing; return to the Move tool"
    assert len({keys for keys, _ in listed}) == len(listed)
