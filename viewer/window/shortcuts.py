"""The dialog that lists all shortcuts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.actions.action import Action
from viewer.canvas.tools import ASKING, TOOLS
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.dialog import Dialog
from viewer.widgets.layouts import column, row
from viewer.widgets.panel import scrolled

Shortcut = tuple[str, str]  # keys or a gesture, and what it does
AROUND_PX = 160  # frame, margins and buttons of the dialog, and the system's bars
BESIDE_PX = 120  # frame and margins at its sides
SCROLL_BAR_PX = 24
GESTURES = (  # on the slide, with any tool
    (tr("Wheel"), tr("Zoom at the pointer")),
    (tr("Two fingers, pinch"), tr("Pan, zoom on a touchpad or touch screen")),
    (tr("Drag"), tr("Pan; let go while moving, and the slide glides on")),
    (tr("Space + drag"), tr("Pan while a drawing tool is active, also in the middle of a drawing")),
    (
        tr("Space + Shift + drag, drag the compass"),
        tr("Rotate; it snaps to multiples of 90°"),
    ),
    (tr("Click the compass"), tr("Set the slide upright")),
    (tr("Ctrl + click, Shift + click"), tr("Select one more region, or one less")),
    (tr("Ctrl + drag, Shift + drag"), tr("Select the regions in a box")),
    (tr("Pen, its eraser end"), tr("Draw with any tool, erase")),
    (tr("Right-click, menu key"), tr("Menu of the selected regions")),
    (tr("Arrow keys"), tr("Pan")),
    ("+  −", tr("Zoom in, zoom out")),
    (tr("Esc"), tr("Cancel drawing; return to the Move tool")),
    (tr("Del"), tr("Delete the selected regions")),
)


def on_the_slide() -> list[Shortcut]:
    """(mouse gesture or key, effect) on the slide: common ones, then those of each tool."""
    return [*GESTURES, *(gesture for tool in (*TOOLS, *ASKING) for gesture in tool.gestures)]


def in_menus(actions: Iterable[Action]) -> list[Shortcut]:
    """In the system's notation; keys that differ by a number alone share a line."""
    native = QKeySequence.SequenceFormat.NativeText
    listed = [
        (QKeySequence(action.keys).toString(native), action.text.rstrip("…"))
        for action in actions
        if action.keys
    ]
    return [_joined(list(alike)) for _, alike in groupby(listed, _without_numbers)]


class ShortcutsDialog(Dialog):
    def __init__(self, actions: Iterable[Action], parent: QWidget | None = None) -> None:
        super().__init__(tr("Keyboard and mouse"), parent)
        listed = on_the_slide(), in_menus(actions)
        screen = self.screen().availableGeometry()
        room = screen.width() - BESIDE_PX - SCROLL_BAR_PX
        body = _two_tables(*listed, wide=True)
        if body.sizeHint().width() > room:
            body = _two_tables(*listed, wide=False)
        wanted = body.sizeHint()
        area = scrolled(body)
        area.setMinimumWidth(wanted.width() + SCROLL_BAR_PX)
        area.setMinimumHeight(min(wanted.height(), screen.height() - AROUND_PX))
        self.lay_out(area, spacing=16)


def _without_numbers(shortcut: Shortcut) -> tuple[str, ...]:
    return tuple(re.sub(r"\d+", "#", text) for text in shortcut)


def _joined(alike: list[Shortcut]) -> Shortcut:
    """ "1 – 9" for shortcuts from 1 to 9."""
    (first_keys, first_text), (last_keys, last_text) = alike[0], alike[-1]
    return _range(first_keys, last_keys), _range(first_text, last_text)


def _range(first: str, last: str) -> str:
    number = re.search(r"\d+$", last)
    return first if first == last or number is None else f"{first} – {number[0]}"


def _two_tables(here: list[Shortcut], anywhere: list[Shortcut], *, wide: bool) -> QWidget:
    """Side by side, or one above the other where the screen is too narrow for that."""
    body = QWidget()
    tables = _table(tr("On the slide"), here), _table(tr("Anywhere"), anywhere)
    if wide:
        body.setLayout(row(*tables, spacing=40))
    else:
        column(body, *tables, margin=0, spacing=24)
    return body


def _table(title: str, rows: list[Shortcut]) -> QGridLayout:
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
