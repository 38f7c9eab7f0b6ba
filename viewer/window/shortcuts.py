"""The dialog that lists all shortcuts."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.actions.action import Action
from viewer.canvas.pointer import GESTURES
from viewer.canvas.tools import ASKING, TOOLS
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.dialog import Dialog
from viewer.widgets.layouts import row


def on_the_slide() -> list[tuple[str, str]]:
    """(mouse gesture or key, effect) on the slide: common ones, then those of each tool."""
    return [*GESTURES, *(gesture for tool in (*TOOLS, *ASKING) for gesture in tool.gestures)]


def in_menus(actions: Iterable[Action]) -> list[tuple[str, str]]:
    """(shortcut in the system's notation, action)."""
    native = QKeySequence.SequenceFormat.NativeText
    return [
        (QKeySequence(action.keys).toString(native), action.text.rstrip("…"))
        for action in actions
        if action.keys
    ]


class ShortcutsDialog(Dialog):
    def __init__(self, actions: Iterable[Action], parent: QWidget | None = None) -> None:
        super().__init__(tr("Keyboard and mouse"), parent)
        here = _table(tr("On the slide"), on_the_slide())
        anywhere = _table(tr("Anywhere"), in_menus(actions))
        self.lay_out(row(here, anywhere, spacing=40), spacing=16)


def _table(title: str, rows: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.addWidget(label(title, "section"), 0, 0, 1, 2)
    for at, (keys, text) in enumerate(rows, start=1):
        grid.addWidget(label(keys, "muted"), at, 0)
        grid.addWidget(label(text), at, 1)
    grid.setRowStretch(len(rows) + 1, 1)
    grid.setColumnStretch(1, 1)
    return grid
