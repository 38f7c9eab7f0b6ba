"""Shows one message above the slide, with details on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QSizePolicy

from viewer.look.icons import icon
from viewer.services.notices import Message
from viewer.text.tr import tr
from viewer.widgets.basic import icon_button, label, link, restyle
from viewer.widgets.layouts import column, row

INFO_MS = 6000  # notices close by themselves; warnings and errors wait for the user


class MessageBar(QFrame):
    """The newest message; closing it shows the one before."""

    covers = Signal(int)  # how much of what lies under it, from above, logical pixels

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Message] = deque(maxlen=20)
        self._message: Message | None = None
        self._of_last_slide: list[Message] = []
        self._icon = QLabel()
        self._text = label(wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._act = link("")
        self._toggle = link(tr("Details"), tr("Show technical details"))
        self._copy = link(tr("Copy"), tr("Copy the message and its details"))
        self._close = icon_button("close", tr("Close message"))
        self._details = QPlainTextEdit(readOnly=True)
        self._details.setAccessibleName(tr("Message details"))
        self._details.setMaximumHeight(160)
        self._details.hide()
        self._timer = QTimer(self, singleShot=True, interval=INFO_MS)
        self._timer.timeout.connect(self.close_message)
        self._toggle.clicked.connect(self._toggle_details)
        self._act.clicked.connect(self._on_act)
        self._copy.clicked.connect(self._copy_all)
        self._close.clicked.connect(self.close_message)
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        line = row(
            self._icon,
            self._text,
            self._act,
            self._toggle,
            self._copy,
            self._close,
            wide=self._text,
        )
        column(self, line, self._details, spacing=-1).setContentsMargins(16, 6, 8, 6)

    @property
    def message(self) -> Message | None:
        """The message that is shown."""
        return self._message

    def show_message(self, message: Message) -> None:
        if message.replaces:
            self._drop(lambda old: old.text == message.replaces)
        shown = self._message
        matters = shown is not None and (shown.level != "info" or bool(shown.action))
        if shown is not None and matters and shown.text != message.text:
            self._waiting.append(shown)
        self._set(message)

    def close_message(self) -> None:
        if self._waiting:
            self._set(self._waiting.pop())
            return
        self._message = None
        self.hide()

    def begin_slide(self) -> None:
        """Another slide is being opened: what is told from now on may be about that one."""
        self._of_last_slide = [*self._waiting, *([self._message] if self._message else [])]

    def leave_slide(self) -> None:
        """The other slide is there: warnings about the last one leave with it."""
        old, self._of_last_slide = self._of_last_slide, []
        self._drop(lambda m: m in old and m.level == "warning" and not m.stays)

    def _drop(self, gone: Callable[[Message], bool]) -> None:
        """Drop messages, the shown one among them."""
        self._waiting = deque((m for m in self._waiting if not gone(m)), self._waiting.maxlen)
        if self._message is not None and gone(self._message):
            self.close_message()

    def _set(self, message: Message) -> None:
        self._message = message
        restyle(self, "message", message.level)
        role = {"info": "accent", "warning": "warning", "error": "error"}[message.level]
        self._icon.setPixmap(icon(message.level, role).pixmap(18, 18))
        self._text.setText(message.text)
        self.setAccessibleName(message.text)
        self._details.setPlainText(message.details)
        self._details.hide()
        self._act.setText(message.action)
        self._act.setVisible(bool(message.action))
        self._toggle.setText(tr("Details"))
        self._toggle.setVisible(bool(message.details))
        self._copy.setVisible(bool(message.details))
        self._timer.stop()
        if message.level == "info":
            self._timer.start()
        self.show()
        self.raise_()

    # --- Qt's events
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            self.covers.emit(self.height())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.covers.emit(self.height())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.covers.emit(0)

    def _on_act(self) -> None:
        message = self._message
        self.close_message()
        if message is not None and message.on_action is not None:
            message.on_action()

    def _toggle_details(self) -> None:
        shown = not self._details.isVisible()
        self._details.setVisible(shown)
        self._toggle.setText(tr("Hide details") if shown else tr("Details"))

    def _copy_all(self) -> None:
        if self._message is not None:
            text = f"{self._message.text}\n\n{self._message.details}"
            QGuiApplication.clipboard().setText(text)
