"""A table of areas: a patch of colour, a name, a share and an area in each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from viewer.look import tokens
from viewer.widgets.basic import ElidedLabel, label

PATCH_PX = 12
Color = tuple[int, int, int]


@dataclass(frozen=True)
class AreaLine:
    """What one line says."""

    name: str
    color: Color | None  # None: it is not painted on the slide
    share: str
    area: str
    muted: bool = False


class Patch(QWidget):
    """A square of one colour; an empty one where nothing is painted."""

    def __init__(self) -> None:
        super().__init__()
        self._color: Color | None = None
        self.setFixedSize(QSize(PATCH_PX, PATCH_PX))

    def set_color(self, color: Color | None) -> None:
        if color != self._color:
            self._color = color
            self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.current().strong_border), 1))
        if self._color is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*self._color))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)


class AreaTable(QWidget):
    """Lines are made once and filled again, so that nothing jumps while numbers change."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[Patch, ElidedLabel, QLabel, QLabel]] = []

    def show_lines(self, lines: Sequence[AreaLine]) -> None:
        while len(self._lines) < len(lines):
            self._add()
        for number, widgets in enumerate(self._lines):
            for widget in widgets:
                widget.setVisible(number < len(lines))
            if number < len(lines):
                _fill(widgets, lines[number])

    def _add(self) -> None:
        made = (Patch(), ElidedLabel(), label(), label())
        row = len(self._lines)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, widget in enumerate(made):
            self._grid.addWidget(widget, row, column)
        for text in made[2:]:
            text.setAlignment(right)
        self._lines.append(made)


def _fill(widgets: tuple[Patch, ElidedLabel, QLabel, QLabel], line: AreaLine) -> None:
    patch, name, share, area = widgets
    patch.set_color(line.color)
    for widget, text in ((name, line.name), (share, line.share), (area, line.area)):
        role = "muted" if line.muted else ""
        if widget.property("role") != role:
            widget.setProperty("role", role)
            widget.style().unpolish(widget)
            widget.style().polish(widget)
        if widget.text() != text:
            widget.setText(text)
