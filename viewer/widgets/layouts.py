"""Rows and columns in the house style."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget

from viewer.widgets.basic import ElidedLabel

Part = QWidget | QLayout | int | None  # int: a gap in px; None: a stretch


def row(*parts: Part, wide: Part = None, spacing: int = 8) -> QHBoxLayout:
    """Parts from left to right; ``wide``: the one that takes the remaining room."""
    made = QHBoxLayout()
    made.setSpacing(spacing)
    _fill(made, parts, wide)
    return made


def column(
    parent: QWidget | None,
    *parts: Part,
    wide: Part = None,
    margin: int = 16,
    spacing: int = 8,
    upright: int | None = None,
) -> QVBoxLayout:
    """Parts from top to bottom. margin: left and right; upright: above and below, else the same."""
    made = QVBoxLayout() if parent is None else QVBoxLayout(parent)
    above = margin if upright is None else upright
    made.setContentsMargins(margin, above, margin, above)
    made.setSpacing(spacing)
    _fill(made, parts, wide)
    return made


def section(title: str, *buttons: QWidget) -> QHBoxLayout:
    """The heading of a section of a panel: title, and buttons at the right."""
    name = ElidedLabel(title, "section")
    return row(name, *buttons, wide=name, spacing=-1)  # as the style has it


def empty(layout: QLayout) -> None:
    """Delete all widgets of a layout."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def _fill(layout: QBoxLayout, parts: tuple[Part, ...], wide: Part) -> None:
    for part in parts:
        stretch = int(part is wide)
        if part is None:
            layout.addStretch(1)
        elif isinstance(part, int):
            layout.addSpacing(part)
        elif isinstance(part, QLayout):
            layout.addLayout(part, stretch)
        else:
            layout.addWidget(part, stretch)
