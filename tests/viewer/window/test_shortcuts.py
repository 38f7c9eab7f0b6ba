"""The list of keys shows those that are handled, each where it is handled."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence

from viewer.actions.table import ACTIONS
from viewer.canvas.tools import TOOLS
from viewer.window.shortcuts import in_menus, on_the_slide


def test_every_key_of_an_action_is_listed_once() -> None:
    listed = [keys for keys, _ in in_menus(ACTIONS)]
    native = QKeySequence.SequenceFormat.NativeText
    assert listed == [QKeySequence(a.keys).toString(native) for a in ACTIONS if a.keys]
    assert len(set(listed)) == len(listed)
    assert all(text and not text.endswith("…") for _, text in in_menus(ACTIONS))


def test_what_tools_do_with_mouse_and_keys_is_listed() -> None:
    listed = on_the_slide()
    gestures = [gesture for tool in TOOLS for gesture in tool.gestures]
    assert gestures and set(gestures) < set(listed)
    assert dict(listed)["Esc"] == "Cancel drawing; return to the Move tool"
    assert len({keys for keys, _ in listed}) == len(listed)
