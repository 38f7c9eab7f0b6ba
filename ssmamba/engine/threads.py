"""The number of threads for torch, chosen by measuring which was faster just now.

The engine gives way to other programs. When they keep the other cores busy, each of a model's few
hundred parallel loops waits for a thread that is not scheduled: a 224-px window took 103 ms with
two threads and 12 ms with one, beside two busy programs on two cores. On idle cores more threads
win. So both are measured on the real work, and the loser is asked again now and then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import torch

REMEMBERED = 3  # measurements of each choice; the least counts, as load only adds
ASK_AGAIN = 16  # one call in so many tries the other choice


class ThreadTuner:
    """Measures pieces of work of equal size under one thread and under all.

    Args:
        most: threads to use at most; None = torch's own number.
    """

    def __init__(self, most: int | None = None) -> None:
        most = most or torch.get_num_threads()
        self.choices = (1, most) if most > 1 else (1,)
        self._times: dict[tuple[Hashable, int], deque[float]] = {}
        self._calls: dict[Hashable, int] = {}

    @contextmanager
    def measured(self, work: Hashable) -> Iterator[int]:
        """Run a piece of work, named by anything hashable, with the chosen number of threads."""
        threads = self.choose(work)
        torch.set_num_threads(threads)
        start = time.perf_counter()
        try:
            yield threads
        finally:
            self.record(work, threads, time.perf_counter() - start)
            torch.set_num_threads(self.choices[-1])

    def choose(self, work: Hashable) -> int:
        """Each choice twice (the first run of a model also allocates), then the faster one."""
        calls = self._calls.get(work, 0)
        self._calls[work] = calls + 1
        if calls < 2 * len(self.choices):
            return self.choices[calls % len(self.choices)]
        fastest = min(self.choices, key=lambda n: min(self._times[work, n], default=0.0))
        others = [n for n in self.choices if n != fastest]
        return others[0] if others and calls % ASK_AGAIN == 0 else fastest

    def record(self, work: Hashable, threads: int, seconds: float) -> None:
        """Keep one measurement."""
        times = self._times.setdefault((work, threads), deque(maxlen=REMEMBERED))
        times.append(seconds)
