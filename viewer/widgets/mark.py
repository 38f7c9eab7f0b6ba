"""A check or a cross beside an answer, with words for those who do not see it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from viewer.look import icons, tokens

SIDE_PX = 18


def paint_mark(painter: QPainter, agrees: bool, place: QRectF) -> None:
    """A check where the answer agrees with the user's class, else a cross."""
    chosen = tokens.current()
    name, color = ("check", chosen.agree) if agrees else ("close", chosen.error)
    icons.paint(painter, name, place, color)


class Mark(QWidget):
    """Hidden where there is nothing to compare."""

    def __init__(self) -> None:
        super().__init__()
        self._agrees: bool | None = None
        self.setFixedSize(QSize(SIDE_PX, SIDE_PX))
        self.hide()

    def show_agreement(self, agrees: bool | None, words: str) -> None:
        """words: what the mark means, for its tooltip and for screen readers."""
        self._agrees = agrees
        words = f"{words[:1].upper()}{words[1:]}"
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.setVisible(agrees is not None)
        self.update()

    def paintEvent(self, _event: object) -> None:
        if self._agrees is not None:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_mark(painter, self._agrees, QRectF(self.rect()))
