"""The requests that are under way at the engine; no Qt."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from viewer.state.planning import Task
from viewer.state.results import Key


@dataclass
class Job:
    """A request that is under way."""

    task: Task
    pending: set[Key] = field(default_factory=set)
    cancelled_at: float | None = None  # time.monotonic()

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None


class JobTable:
    """Jobs by number, until their end is told."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def new_number(self) -> int:
        self._last += 1
        return self._last

    def add(self, task: Task) -> int:
        number = self.new_number()
        self._jobs[number] = Job(task, set(task.keys))
        return number

    def get(self, number: int) -> Job | None:
        return self._jobs.get(number)

    def end(self, number: int) -> None:
        del self._jobs[number]

    def clear(self) -> None:
        self._jobs.clear()

    @property
    def active(self) -> list[Job]:
        """Those that are still wanted, the oldest first."""
        return [job for job in self._jobs.values() if not job.cancelled]

    def pending(self) -> set[Key]:
        """Results that are on the way."""
        return {key for job in self.active for key in job.pending}

    def cancel_all_but(self, wanted: set[Key]) -> list[int]:
        """Mark jobs without a wanted result as cancelled; returns their numbers."""
        cancelled = []
        for number, job in self._jobs.items():
            if not job.cancelled and not job.pending & wanted:
                job.cancelled_at = time.monotonic()
                cancelled.append(number)
        return cancelled

    def longest_unheard_s(self) -> float | None:
        """For how long a cancelled job has not ended, the oldest of them; None = there is none."""
        since = [j.cancelled_at for j in self._jobs.values() if j.cancelled_at is not None]
        return time.monotonic() - min(since) if since else None
