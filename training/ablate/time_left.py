"""The time that a grid still needs, from finished runs and the epochs of those in progress."""

from __future__ import annotations

import time

import numpy as np

from training.ablate.jobs import Job
from training.ablate.record import GridRecord
from training.loop.epoch_log import LOG_FILE


def epochs_done(job: Job) -> int:
    """Epochs in a run's log, over all its learning rates."""
    log = job.folder / LOG_FILE
    try:
        with log.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


class TimeLeft:
    """Seconds per epoch by kind and cell; an unknown cell takes the mean of its kind."""

    def __init__(self, jobs: list[Job], record: GridRecord) -> None:
        self._known: dict[tuple[str, str], list[float]] = {}
        self._begun: dict[str, tuple[float, int]] = {}  # time and epochs at the start
        for job in jobs:
            seconds = record.seconds(job)
            if record.done(job) and seconds and job.epochs:
                self._add(job, seconds / job.epochs)

    def _add(self, job: Job, per_epoch: float) -> None:
        self._known.setdefault((job.kind, job.cell), []).append(per_epoch)

    def start(self, job: Job) -> None:
        self._begun[job.key] = (time.monotonic(), epochs_done(job))

    def finish(self, job: Job, seconds: float) -> float:
        """Note a run's end; returns the seconds of a whole run."""
        _, before = self._begun.pop(job.key, (0.0, 0))
        share = (job.epochs - before) / max(job.epochs, 1)
        whole = seconds / share if share > 0 else seconds
        if job.epochs and share > 0:
            self._add(job, whole / job.epochs)
        return whole

    def left(self, running: list[Job], waiting: list[Job], slots: int) -> float | None:
        """Seconds until the grid is done; None while no epoch has been timed."""
        known = dict(self._known)
        for job in running:
            own = self._own_seconds(job)
            if own is not None:
                known.setdefault((job.kind, job.cell), [own])
        if not known:
            return None
        at_work = [self._remaining(job, known) for job in running]
        total = sum(at_work) + sum(job.epochs * _per_epoch(job, known) for job in waiting)
        return max(total / slots, *at_work, 0.0)

    def _own_seconds(self, job: Job) -> float | None:
        began, before = self._begun[job.key]
        gained = epochs_done(job) - before
        return (time.monotonic() - began) / gained if gained > 0 else None

    def _remaining(self, job: Job, known: dict[tuple[str, str], list[float]]) -> float:
        per_epoch = self._own_seconds(job) or _per_epoch(job, known)
        began, before = self._begun[job.key]
        spent = time.monotonic() - began
        return max((job.epochs - before) * per_epoch - spent, 0.0)


def _per_epoch(job: Job, known: dict[tuple[str, str], list[float]]) -> float:
    own = known.get((job.kind, job.cell))
    if own:
        return float(np.mean(own))
    like = [s for (kind, _), seconds in known.items() if kind == job.kind for s in seconds]
    return float(np.mean(like or [s for seconds in known.values() for s in seconds]))
