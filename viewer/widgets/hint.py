"""Three steps to begin with, over the demo slide until the user has drawn a region."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame

from viewer.text.tr import tr
from viewer.widgets.basic import icon_button, label
from viewer.widgets.layouts import column, row

WIDTH = 440


class Hint(QFrame):
    """A card with numbered steps that closes by its button, by Escape, or once they are taken."""

    def __init__(self, title: str, steps: Sequence[str]) -> None:
        super().__init__()
        self.setProperty("card", True)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(title)
        self.setAccessibleDescription(" ".join(steps))
        heading = label(title, "title")
        self._close = icon_button("close", tr("Close hint"))
        self._close.clicked.connect(self.hide)
        lines = [
            row(label(f"{number}", "title"), text := label(step, wrap=True), wide=text)
            for number, step in enumerate(steps, start=1)
        ]
        whole = column(self, row(heading, None, self._close), *lines, spacing=2)
        whole.setContentsMargins(12, 4, 6, 8)
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)


def demo_hint() -> Hint:
    return Hint(
        tr("Three steps to try"),
        [
            tr("Choose a region in the list and compare the answers."),
            tr("Press L and draw around some tissue."),
            tr("Read the answers at the right, the evidence on the slide."),
        ],
    )
