"""Requests in progress at the engine; no Qt."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ssmamba.engine.messages import Cancel, Priority, Progress, Reprioritise
from viewer.state.planning import Task
from viewer.state.results import Key


@dataclass
class Job:
    """A request in progress."""

    task: Task
    priority: Priority
    pending: set[Key] = field(default_factory=set)
    progress: Progress | None = None  # the newest
    cancelled_at: float | None = None  # time.monotonic()

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None


class JobTable:
    """Jobs by number, until the engine reports their end."""

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
        self._jobs[number] = Job(task, task.priority, set(task.keys))
        return number

    def get(self, number: int) -> Job | None:
        return self._jobs.get(number)

    def end(self, number: int) -> None:
        del self._jobs[number]

    def clear(self) -> None:
        self._jobs.clear()

    @property
    def active(self) -> list[Job]:
        """Jobs that are not cancelled, oldest first."""
        return [job for job in self._jobs.values() if not job.cancelled]

    @property
    def foremost(self) -> Job | None:
        """The job that the engine is working on."""
        return min(self.active, key=lambda job: job.priority, default=None)

    def count(self, priority: Priority) -> int:
        return sum(job.priority == priority for job in self.active)

    def pending(self) -> set[Key]:
        """Keys of the results still to come."""
        return {key for job in self.active for key in job.pending}

    def follow(self, urgency: Mapping[Key, Priority]) -> list[Cancel | Reprioritise]:
        """Messages that bring the engine's priorities in line with the results wanted now.

        urgency: of every wanted result; a job without any is marked cancelled.
        """
        changes: list[Cancel | Reprioritise] = []
        for number, job in self._jobs.items():
            priority = min((urgency[k] for k in job.pending if k in urgency), default=None)
            if job.cancelled or priority == job.priority:
                continue
            if priority is None:
                job.cancelled_at = time.monotonic()
                changes.append(Cancel(number))
            else:
                job.priority = priority
                changes.append(Reprioritise(number, priority))
        return changes

    def longest_unheard_s(self) -> float | None:
        """Age of the oldest cancellation that the engine has not confirmed; None if none."""
        since = [j.cancelled_at for j in self._jobs.values() if j.cancelled_at is not None]
        return time.monotonic() - min(since) if since else None
