"""Steps of long jobs, on a thread that gives way to the window and to other programs.

What the user waits for a moment has normal priority (see ``process.py``). A region of a thousand
windows, read at the same priority beside one busy program, left the viewer's frames 26 ms instead
of 3; at a niceness of 5, 10 ms. A thread cannot take back a priority that it gave up, so long work
has one of its own, whose OpenMP threads inherit its priority.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

LONG_S = 1.0  # of a job's own work; what is quicker never comes here
NICE = 5


class LongWork:
    """One thread of lower priority, where the system has priorities of threads."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    def run(self, step: Callable[[], T]) -> T:
        """Run a step there and wait for it; raises what it raises."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "long-work", initializer=give_way)
        return self._thread.submit(step).result()

    def close(self) -> None:
        """Let the thread end."""
        if self._thread is not None:
            self._thread.shutdown()


def give_way() -> None:
    """Lower the priority of the calling thread, where the system has that."""
    with contextlib.suppress(OSError):
        if sys.platform == "linux":  # elsewhere niceness belongs to the process
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, max(NICE, os.getpriority(os.PRIO_PROCESS, own)))
        elif sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetThreadPriority(kernel.GetCurrentThread(), -1)  # below normal
