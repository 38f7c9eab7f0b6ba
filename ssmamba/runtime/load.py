"""How many processor cores other programs leave to this one."""

from __future__ import annotations

import os
import time

import psutil

LEAST_S = 0.05  # between two readings: the system counts in hundredths of a second


class CoresForUs:
    """Cores that were idle or worked for this process between two looks.

    Where the system tells it (Linux), half of what works at a lower priority than this process
    counts as well: such work gives way, though not at once.
    """

    def __init__(self) -> None:
        self._gives_way = 0.5 if hasattr(os, "getpriority") and _niceness() <= 0 else 0.0
        self._read = self._times()
        self._found: float | None = None

    def __call__(self) -> float | None:
        """Cores on average between the last two looks; None where nothing is known.

        That is so at first, and for good where the system does not tell (some containers).
        """
        last, now = self._read, self._times()
        if last is None or now is None:
            return None
        if now[0] - last[0] >= LEAST_S:
            self._found = max(0.0, (now[1] - last[1]) / (now[0] - last[0]))
            self._read = now
        return self._found

    def _times(self) -> tuple[float, float] | None:
        """A clock, and the seconds of processor that were there for this process, in all."""
        try:
            cores = psutil.cpu_times(percpu=True)
        except (OSError, RuntimeError, psutil.Error):
            return None
        if hasattr(os, "sched_getaffinity"):
            cores = [cores[n] for n in os.sched_getaffinity(0) if n < len(cores)] or cores
        free = sum(c.idle + self._gives_way * getattr(c, "nice", 0.0) for c in cores)
        return time.perf_counter(), free + time.process_time()


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)
