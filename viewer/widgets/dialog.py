"""The base of all dialogs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QWidget

from viewer.widgets.layouts import Part, column

Button = QDialogButtonBox.StandardButton


class Dialog(QDialog):
    """Not modal: it can stay open beside the slide. Deleted when it is closed."""

    def __init__(self, title: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def lay_out(
        self, *parts: Part, margin: int = 24, spacing: int = 12, buttons: Button = Button.Close
    ) -> None:
        """Parts from top to bottom, above the buttons."""
        box = QDialogButtonBox(buttons)
        ok = box.button(Button.Ok)
        if ok is not None:
            ok.setProperty("primary", True)
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        column(self, *parts, box, margin=margin, spacing=spacing)


def selectable(made: QLabel) -> QLabel:
    """A label whose text can be copied."""
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made
