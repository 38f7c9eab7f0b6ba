"""The number of threads for torch, which follows what the machine really runs at once.

A parallel loop ends with its slowest thread. When other programs keep a core busy, each of a
model's few hundred loops waits for a thread that is not scheduled: beside one busy program on two
cores, a 224-px window took 75 ms with two threads and 25 ms with one. Such waiting shows: wall time
passes that the calling thread does not spend. Then fewer threads are tried, and kept while they
are faster. More are tried when other programs have left a core (trying beside them cost a second at
nice 10).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import torch

from ssmamba.runtime.load import CoresForUs

WAITED = 0.25  # share of a run's wall time not spent by the calling thread that means waiting
SLACK = 0.3  # of a core that need not be there for another thread
SOON, LATE = 8, 256  # runs until the next trial after a vain one: at first, and at most


@dataclass
class _Work:
    """What is known about pieces of work of one size."""

    level: int  # index of the number of threads that serves
    trial: int | None = None  # index that the next run tries instead
    rest: int = 0  # runs before the next trial
    patience: int = SOON
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=2))  # of its last runs

    def rival(self, trial: int) -> float:
        """Seconds that a trial must stay under.

        Fewer threads need only beat the run that waited; more must beat the better of two, as load
        that has gone may have slowed the other.
        """
        return self.seconds[-1] if trial < self.level else min(self.seconds)


class ThreadTuner:
    """Runs pieces of work of equal size with the number of threads that is fastest just now.

    Args:
        most: threads to use at most; None = those that torch began with.
        cores: how many cores there are for this process just now, None where nobody knows.
    """

    def __init__(
        self, most: int | None = None, cores: Callable[[], float | None] | None = None
    ) -> None:
        most = most or _all_threads()
        self._cores = cores or CoresForUs()
        self.choices = tuple(sorted({1, most // 4 or 1, most // 2 or 1, max(1, most - 1), most}))
        self._works: dict[Hashable, _Work] = {}

    @contextmanager
    def measured(self, work: Hashable) -> Iterator[int]:
        """Run a piece of work, named by anything hashable, with the chosen number of threads.

        What follows keeps that number: it would wait as well.
        """
        threads = self.choose(work)
        torch.set_num_threads(threads)
        start, own = time.perf_counter(), time.thread_time()
        try:
            yield threads
        finally:
            seconds = time.perf_counter() - start
            self.record(work, threads, seconds, seconds - (time.thread_time() - own))

    def choose(self, work: Hashable) -> int:
        """The number of threads for the next run."""
        if work not in self._works:
            self._works[work] = _Work(self._with_cores())
        known = self._works[work]
        return self.choices[known.level if known.trial is None else known.trial]

    def record(self, work: Hashable, threads: int, seconds: float, waited: float) -> None:
        """Keep one measurement; waited: seconds of it that the calling thread did not compute."""
        known, at = self._works[work], self.choices.index(threads)
        is_waiting = at > 0 and waited > WAITED * seconds
        if known.trial is not None:
            is_faster, known.trial = seconds < known.rival(at), None
            if is_faster:
                is_down, known.level, known.patience = at < known.level, at, SOON
                known.rest = SOON if is_down and not is_waiting else 0
                known.seconds.clear()
            else:
                known.rest, known.patience = known.patience, min(2 * known.patience, LATE)
                return
        known.seconds.append(seconds)
        if known.rest:
            known.rest -= 1
        elif is_waiting:
            known.trial = known.level - 1
        elif known.level < self._with_cores():
            known.trial = known.level + 1

    def _with_cores(self) -> int:
        """Index of the most threads that have a core each."""
        cores = self._cores()
        if cores is None:
            return len(self.choices) - 1
        return max(0, sum(n <= cores + SLACK for n in self.choices) - 1)


@cache
def _all_threads() -> int:
    return torch.get_num_threads()
