"""The number of threads for torch, which follows what the machine really runs at once.

A parallel loop ends with its slowest thread. When other programs keep a core busy, each of a
model's few hundred loops waits for a thread that is not scheduled: beside one busy program on two
cores, a 224-px window took 75 ms with two threads and 25 ms with one. Such waiting shows: wall time
passes that the calling thread does not spend. Then fewer threads are tried, and kept while they
are faster; later more are tried again, less and less often while they stay slower.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

WAITED = 0.25  # share of a run's wall time not spent by the calling thread that means waiting
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
        most: threads to use at most; None = torch's own number.
    """

    def __init__(self, most: int | None = None) -> None:
        most = most or torch.get_num_threads()
        self.choices = tuple(sorted({1, most // 4 or 1, most // 2 or 1, max(1, most - 1), most}))
        self._works: dict[Hashable, _Work] = {}

    @contextmanager
    def measured(self, work: Hashable) -> Iterator[int]:
        """Run a piece of work, named by anything hashable, with the chosen number of threads."""
        threads = self.choose(work)
        torch.set_num_threads(threads)
        start, own = time.perf_counter(), time.thread_time()
        try:
            yield threads
        finally:
            seconds = time.perf_counter() - start
            self.record(work, threads, seconds, seconds - (time.thread_time() - own))
            torch.set_num_threads(self.choices[-1])

    def choose(self, work: Hashable) -> int:
        """The number of threads for the next run."""
        known = self._works.setdefault(work, _Work(len(self.choices) - 1))
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
        elif is_waiting or known.level < len(self.choices) - 1:
            known.trial = known.level - 1 if is_waiting else known.level + 1
