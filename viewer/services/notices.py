"""The one door through which errors and notices reach the user: one sentence, details on demand."""

from __future__ import annotations

import sys
import threading
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from PySide6.QtCore import QObject, Signal

from ssmamba.errors import SSMambaError

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Message:
    """What the message bar shows."""

    level: Level
    text: str  # one sentence that ends with the next step
    details: str = ""  # traceback or path, shown on demand


def describe(error: BaseException) -> Message:
    """Turn an exception into a message; ours already carry their sentence."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, SSMambaError):
        return Message("error", str(error), details)
    if isinstance(error, FileNotFoundError):
        return Message("error", f"There is no file {error.filename}; check the path.", details)
    if isinstance(error, PermissionError):
        return Message(
            "error",
            f"{error.filename} may not be read or written; change its permissions.",
            details,
        )
    if isinstance(error, OSError) and error.strerror:
        return Message(
            "error", f"The disk answered: {error.strerror}; check the drive and try again.", details
        )
    return Message(
        "error", "Something unexpected went wrong; your regions are safe, try again.", details
    )


class MessageCenter(QObject):
    """Sends messages to whoever shows them."""

    posted = Signal(object)  # Message

    def info(self, text: str, details: str = "") -> None:
        self.posted.emit(Message("info", text, details))

    def warn(self, text: str, details: str = "") -> None:
        self.posted.emit(Message("warning", text, details))

    def error(self, text: str, details: str = "") -> None:
        self.posted.emit(Message("error", text, details))

    def report(self, error: BaseException) -> None:
        self.posted.emit(describe(error))

    def catch_everything(self) -> None:
        """Show exceptions that nothing caught, from any thread, instead of losing them."""
        sys.excepthook = self._on_uncaught
        threading.excepthook = lambda hook: self._on_uncaught(
            hook.exc_type, hook.exc_value, hook.exc_traceback
        )

    def _on_uncaught(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if error is None or issubclass(kind, KeyboardInterrupt):
            return
        traceback.print_exception(error, file=sys.stderr)
        self.report(error)
