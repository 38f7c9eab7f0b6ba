"""Long work on a thread beside the window gives way to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
WORK_S = 0.002
PAUSE_S = 0.002
_awaited = threading.Event()  # the window does nothing but wait


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """The items, with a pause each time that WORK_S have passed, unless the window waits.

    A thread that computes takes Python's lock from the window at each of its calls to Qt and NumPy:
    a frame of 9 ms took 20 and more.
    """
    end = time.perf_counter() + WORK_S
    for item in items:
        yield item
        if time.perf_counter() > end:
            if not _awaited.is_set():
                time.sleep(PAUSE_S)
            end = time.perf_counter() + WORK_S


@contextmanager
def awaited() -> Iterator[None]:
    """No pauses within, in any thread: the window waits for the work."""
    _awaited.set()
    try:
        yield
    finally:
        _awaited.clear()
