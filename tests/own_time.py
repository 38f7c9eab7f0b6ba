"""Processor time that tests spend on making their files, which is not the window's."""

from __future__ import annotations

import threading
import time
from contextlib import ContextDecorator


class OwnTime(ContextDecorator):
    """Counts the time of the main thread in its blocks: ``seconds``."""

    seconds = 0.0

    def __enter__(self) -> OwnTime:
        self._start = time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            OwnTime.seconds += time.thread_time() - self._start

    def _recreate_cm(self) -> OwnTime:
        return OwnTime()  # calls may be nested


def windows_time() -> float:
    """Processor time of this thread without what tests spent on their files, seconds."""
    return time.thread_time() - OwnTime.seconds
