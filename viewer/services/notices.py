"""Errors and notices for the user: a sentence or two, with details on demand."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from PySide6.QtCore import QObject, Signal

from ssmamba.errors import SSMambaError
from viewer.text.tr import tr, translated

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Message:
    """A message for the message bar."""

    level: Level
    text: str  # ends with the next step
    details: str = ""  # traceback or path, shown on demand
    stays: bool = False  # also when another slide is opened
    replaces: str = ""  # text of an earlier message that is no longer true
    action: str = ""  # text of a button
    on_action: Callable[[], object] | None = None  # what it does


def describe(error: BaseException) -> Message:
    """Turn an exception into a message; our own errors are written for the user already."""
    if isinstance(error, SSMambaError):
        text = translated(str(error))
    elif isinstance(error, FileNotFoundError):
        text = tr("File not found: {path}. Check the path.").format(path=error.filename)
    elif isinstance(error, PermissionError):
        text = tr("No permission to read or write {path}. Change its permissions.").format(
            path=error.filename
        )
    elif isinstance(error, OSError) and error.strerror:
        text = tr("Disk error: {reason}. Check the drive and try again.").format(
            reason=error.strerror
        )
    else:
        text = tr("An unexpected error occurred. Your regions are safe; try again.")
    return Message("error", text, "".join(traceback.format_exception(error)))


class MessageCenter(QObject):
    """Passes messages to the message bar."""

    posted = Signal(object)  # Message

    def info(self, text: str, details: str = "", *, replaces: str = "") -> None:
        self.posted.emit(Message("info", translated(text), details, replaces=replaces))

    def info_with_undo(self, text: str, undo: Callable[[], object]) -> None:
        """What was done, with a button that takes it back."""
        self.posted.emit(Message("info", text, action=tr("Undo"), on_action=undo))

    def warn(self, text: str, details: str = "", *, stays: bool = False) -> None:
        """A warning leaves with its slide unless it ``stays``."""
        self.posted.emit(Message("warning", translated(text), details, stays))

    def offer(self, text: str, action: str, on_action: Callable[[], object]) -> None:
        """A message with a button; it waits for the user, or leaves with its slide."""
        self.posted.emit(Message("warning", text, action=action, on_action=on_action))

    def error(self, text: str, details: str = "") -> None:
        self.posted.emit(Message("error", translated(text), details))

    def report(self, error: BaseException) -> None:
        self.posted.emit(describe(error))

    def catch_everything(self) -> None:
        """Show uncaught exceptions of any thread in the message bar."""
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
