"""Ctrl-C ends a run after the current step; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

STDERR = 2  # a file descriptor: a signal may arrive within print()


class StopRequest:
    """A flag that SIGINT and SIGTERM set, with a message; a context manager.

    The message matters, since a step may take long and a second signal loses its work.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in self.SIGNALS:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(STDERR, b"\nStopping after this step; press Ctrl-C again to stop at once.\n")


class Interrupted(Exception):
    """The run was stopped on request; everything is on disk."""
