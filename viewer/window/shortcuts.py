"""Every key and what it does, on one page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QWidget

from viewer.widgets.basic import label
from viewer.widgets.layouts import column
from viewer.window.actions import SPECS

ON_THE_SLIDE = (
    ("Wheel", "Zoom about the pointer"),
    ("Drag", "Move the slide"),
    ("Space + drag", "Move the slide while a drawing tool is chosen"),
    ("Arrows", "Move the slide"),
    ("+  −", "Zoom in, zoom out"),
    ("0", "Whole slide"),
    ("1", "One slide pixel on one screen pixel"),
    ("Shift + drag", "A square instead of a rectangle"),
    ("Return", "Finish a polygon"),
    ("Backspace", "Take back the last corner of a polygon"),
    ("Esc", "Drop what is half drawn; leave the drawing tool"),
    ("Del", "Delete the selected region"),
)


def in_menus() -> list[tuple[str, str]]:
    """(key as this system writes it, what it does)."""
    native = QKeySequence.SequenceFormat.NativeText
    return [
        (QKeySequence(spec.keys).toString(native), spec.text.rstrip("…"))
        for spec in SPECS.values()
        if spec.keys
    ]


class ShortcutsDialog(QDialog):
    """Not modal: it can stay open beside the slide."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard and mouse")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = column(self, margin=24, spacing=16)
        halves = QHBoxLayout()
        halves.setSpacing(40)
        halves.addLayout(_table("On the slide", list(ON_THE_SLIDE)))
        halves.addLayout(_table("Anywhere", in_menus()))
        layout.addLayout(halves)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


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
