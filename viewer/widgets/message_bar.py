"""Shows one message above the slide: a sentence, details on demand, never in the way."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
)

from viewer.look.icons import icon
from viewer.services.notices import Message
from viewer.widgets.basic import icon_button, label, link, restyle
from viewer.widgets.layouts import column, row

INFO_MS = 6000  # notices leave by themselves; warnings and errors wait for the user


class MessageBar(QFrame):
    """The newest message; older ones come back as it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Message] = deque(maxlen=20)
        self._message: Message | None = None
        self._icon = QLabel()
        self._text = label(wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._toggle = link("Details", "Show what a developer would ask for")
        self._copy = link("Copy", "Copy the message with its details")
        self._close = icon_button("close", "Close this message")
        self._details = QPlainTextEdit(readOnly=True)
        self._details.setAccessibleName("Details of the message")
        self._details.setMaximumHeight(160)
        self._details.hide()
        self._timer = QTimer(self, singleShot=True, interval=INFO_MS)
        self._timer.timeout.connect(self.close_message)
        self._toggle.clicked.connect(self._toggle_details)
        self._copy.clicked.connect(self._copy_all)
        self._close.clicked.connect(self.close_message)
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        line = row(self._icon, self._text, self._toggle, self._copy, self._close, wide=self._text)
        column(self, line, self._details, spacing=-1).setContentsMargins(16, 6, 8, 6)

    @property
    def message(self) -> Message | None:
        """What is shown now."""
        return self._message

    def show_message(self, message: Message) -> None:
        if self._message is not None and self._message.level != "info":
            same = self._message.text == message.text
            if not same:
                self._waiting.append(self._message)
        self._set(message)

    def close_message(self) -> None:
        if self._waiting:
            self._set(self._waiting.pop())
            return
        self._message = None
        self.hide()

    def _set(self, message: Message) -> None:
        self._message = message
        restyle(self, "message", message.level)
        role = {"info": "accent", "warning": "warning", "error": "error"}[message.level]
        self._icon.setPixmap(icon(message.level, role).pixmap(18, 18))
        self._text.setText(message.text)
        self.setAccessibleName(message.text)
        self._details.setPlainText(message.details)
        self._details.hide()
        self._toggle.setText("Details")
        self._toggle.setVisible(bool(message.details))
        self._copy.setVisible(bool(message.details))
        self._timer.stop()
        if message.level == "info":
            self._timer.start()
        self.show()
        self.raise_()

    def _toggle_details(self) -> None:
        shown = not self._details.isVisible()
        self._details.setVisible(shown)
        self._toggle.setText("Hide details" if shown else "Details")

    def _copy_all(self) -> None:
        if self._message is not None:
            text = f"{self._message.text}\n\n{self._message.details}"
            QGuiApplication.clipboard().setText(text)
