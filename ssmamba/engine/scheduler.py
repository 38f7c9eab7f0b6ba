"""The scheduler of jobs: after each step, the most urgent job continues.

One step runs at a time, on the thread that calls ``run`` or, of jobs that have lasted, on one of
lower priority (``long_work.py``).

No torch here: messages are taken from the first moment on, while torch is still being loaded.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from ssmamba.engine.long_work import LONG_S, LongWork
from ssmamba.engine.messages import (
    Cancel,
    Control,
    JobCancelled,
    JobDone,
    JobFailed,
    JobRequest,
    KeepSlides,
    Pause,
    Reply,
    Reprioritise,
    Request,
    Resume,
)
from ssmamba.errors import explain_failure

Steps = Generator[Reply | None, None, None]  # each step ends with a yield; a reply is sent
Spent = Callable[[], float]  # seconds of a job's own work so far


class Worker(Protocol):
    """Who does the work (``ssmamba.engine.jobs.Jobs``)."""

    def begin(self, request: JobRequest, spent: Spent) -> Steps: ...

    def keep_slides(self, paths: Sequence[str]) -> None: ...


class Stopped(BaseException):
    """Ends a step of a job that was cancelled meanwhile; no error, so that no job catches it."""


class _Job:
    """A request and how far it is."""

    def __init__(self, request: JobRequest) -> None:
        self.request = request
        self.priority = request.priority
        self.started = self.paused = self.cancelled = False
        self._steps: Steps | None = None
        self._seconds = 0.0
        self._since: float | None = None  # time.perf_counter() at the start of the current step

    def spent(self) -> float:
        """Seconds spent in its own steps; steps of other jobs in between do not count.

        Raises Stopped within a step when the job has been cancelled.
        """
        if self.cancelled and self._since is not None:
            raise Stopped
        return self._elapsed()

    @property
    def is_long(self) -> bool:
        return self._seconds > LONG_S

    def _elapsed(self) -> float:
        return self._seconds + (0.0 if self._since is None else time.perf_counter() - self._since)

    def go_on(self, worker: Worker) -> Reply | None:
        """Do one step. Raises StopIteration after the last one, and whatever the step raises."""
        self._since = time.perf_counter()
        try:
            if self._steps is None:
                self._steps = worker.begin(self.request, self.spent)
            return next(self._steps)
        finally:
            self._seconds, self._since = self._elapsed(), None

    def close(self) -> None:
        """Release everything held between steps."""
        if self._steps is not None:
            self._steps.close()


class Scheduler:
    """Jobs under way and waiting; one thread works, any thread may bring messages.

    Args:
        send: takes the replies, from both threads.
    """

    def __init__(self, send: Callable[[Reply], None]) -> None:
        self._send = send
        self._jobs: list[_Job] = []  # in the order in which they came
        self._kept_slides: Sequence[str] | None = None  # of a KeepSlides not done yet
        self._changed = threading.Condition()
        self._long = LongWork()

    def take(self, message: Request) -> None:
        """Take a message; returns at once."""
        ended = None
        with self._changed:
            if isinstance(message, JobRequest):
                self._jobs.append(_Job(message))
            elif isinstance(message, KeepSlides):
                self._kept_slides = message.paths
            elif isinstance(message, Control):
                ended = self._control(message)
            self._changed.notify()
        if ended is not None:
            self._send(ended)

    def _control(self, message: Control) -> Reply | None:
        job = next((j for j in self._jobs if j.request.job == message.job), None)
        if job is None:  # it has ended meanwhile
            return None
        if isinstance(message, Reprioritise):
            job.priority = message.priority
        elif isinstance(message, Pause | Resume):
            job.paused = isinstance(message, Pause)
        elif isinstance(message, Cancel):
            job.cancelled = True
            if not job.started:  # it need not wait for the end of another one's step
                self._jobs.remove(job)
                return JobCancelled(message.job)
        return None

    def run(self, worker: Worker) -> None:
        """Work for ever."""
        while True:
            if not self.step(worker):
                with self._changed:
                    self._changed.wait_for(
                        lambda: self._kept_slides is not None or self._most_urgent() is not None
                    )

    def step(self, worker: Worker) -> bool:
        """Do one step of the most urgent job, and tell its end; False when there is none."""
        with self._changed:
            kept, self._kept_slides = self._kept_slides, None
            job = self._most_urgent()
            if job is not None:
                job.started = True
        if kept is not None:
            worker.keep_slides(kept)
        if job is None:
            return False
        reply = self._step_of(job, worker)
        if isinstance(reply, JobDone | JobCancelled | JobFailed):
            with self._changed:
                self._jobs.remove(job)
        if reply is not None:
            self._send(reply)
        return True

    def _most_urgent(self) -> _Job | None:
        """The oldest of the most urgent; a cancelled job comes first, to release what it holds."""
        able = [job for job in self._jobs if job.cancelled or not job.paused]
        return min(able, key=lambda job: (not job.cancelled, job.priority), default=None)

    def _step_of(self, job: _Job, worker: Worker) -> Reply | None:
        number = job.request.job
        try:
            if job.cancelled:
                job.close()
            elif job.is_long:
                return self._long.run(lambda: job.go_on(worker))
            else:
                return job.go_on(worker)
        except StopIteration:
            return JobDone(number)
        except Stopped:
            return JobCancelled(number)
        except Exception as error:  # the one door through which a failure reaches the user
            return JobFailed(number, explain_failure(error), traceback.format_exc())
        return JobCancelled(number)
