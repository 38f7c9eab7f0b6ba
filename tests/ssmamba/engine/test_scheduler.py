"""Whose turn it is between the steps of several jobs."""

from dataclasses import dataclass

import pytest

from ssmamba.engine.messages import (
    Cancel,
    JobCancelled,
    JobDone,
    JobFailed,
    JobRequest,
    KeepSlides,
    Pause,
    Priority,
    Progress,
    Reprioritise,
    Resume,
)
from ssmamba.engine.scheduler import Scheduler
from ssmamba.errors import InputError


@dataclass(frozen=True)
class Count(JobRequest):
    """A job of so many steps."""

    total: int = 3
    breaks: bool = False


class Counter:
    """A worker that counts, and knows which jobs it was made to let go of."""

    def __init__(self):
        self.let_go, self.kept, self.spent = [], [], {}

    def begin(self, request, spent):
        self.spent[request.job] = spent
        return self.count(request)

    def count(self, request):
        try:
            for done in range(1, request.total + 1):
                yield Progress(request.job, done, request.total)
            if request.breaks:
                raise InputError("Nothing to count; choose a number.")
        finally:
            self.let_go.append(request.job)

    def keep_slides(self, paths):
        self.kept.append(paths)


class Bench:
    """A scheduler that is driven step by step."""

    def __init__(self):
        self.sent, self.worker = [], Counter()
        self.scheduler = Scheduler(self.sent.append)

    def take(self, *messages):
        for message in messages:
            self.scheduler.take(message)

    def steps(self, count=1000):
        """Do up to so many steps; returns what each sent: a job's number, or its end."""
        start = len(self.sent)
        while count and self.scheduler.step(self.worker):
            count -= 1
        return [m.job if isinstance(m, Progress) else m for m in self.sent[start:]]


@pytest.fixture
def bench():
    return Bench()


def test_the_most_urgent_job_goes_on_and_equal_ones_in_the_order_in_which_they_came(bench):
    bench.take(
        Count(1, priority=Priority.AHEAD),
        Count(2, priority=Priority.REST),
        Count(3, priority=Priority.REST),
        Count(4, priority=Priority.VISIBLE),
    )
    ends = [JobDone(number) for number in (4, 2, 3, 1)]
    expected = [4, 4, 4, ends[0], 2, 2, 2, ends[1], 3, 3, 3, ends[2], 1, 1, 1, ends[3]]
    assert bench.steps() == expected


def test_what_is_just_asked_comes_between_the_steps_of_the_rest(bench):
    bench.take(Count(1, priority=Priority.REST, total=5))
    assert bench.steps(2) == [1, 1]
    bench.take(Count(2, total=1))
    assert bench.steps() == [2, JobDone(2), 1, 1, 1, JobDone(1)]
    assert [m.done for m in bench.sent if isinstance(m, Progress) and m.job == 1] == [1, 2, 3, 4, 5]


def test_a_paused_job_stands_still_until_it_is_resumed(bench):
    bench.take(Count(1), Count(2))
    assert bench.steps(1) == [1]
    bench.take(Pause(1))
    assert bench.steps() == [2, 2, 2, JobDone(2)]
    bench.take(Resume(1))
    assert bench.steps() == [1, 1, JobDone(1)]


def test_a_job_becomes_more_or_less_urgent_between_its_steps(bench):
    bench.take(Count(1), Count(2, priority=Priority.REST))
    assert bench.steps(1) == [1]
    bench.take(Reprioritise(1, Priority.AHEAD))
    assert bench.steps(2) == [2, 2]
    bench.take(Reprioritise(1, Priority.ASKED))
    assert bench.steps() == [1, 1, JobDone(1), 2, JobDone(2)]


def test_a_cancelled_job_lets_go_before_anything_else_goes_on(bench):
    bench.take(Count(1, priority=Priority.REST))
    bench.steps(1)
    bench.take(Count(2), Pause(1), Cancel(1))
    assert bench.steps(1) == [JobCancelled(1)]
    assert bench.worker.let_go == [1]
    assert bench.steps() == [2, 2, 2, JobDone(2)]


def test_a_job_that_waits_is_cancelled_without_a_step(bench):
    bench.take(Count(1), Count(2), Cancel(2))
    assert bench.sent == [JobCancelled(2)]
    assert bench.steps() == [1, 1, 1, JobDone(1)]


def test_messages_about_jobs_that_have_ended_change_nothing(bench):
    bench.take(Count(1))
    bench.steps()
    bench.take(Cancel(1), Pause(1), Resume(7), Reprioritise(1, Priority.REST))
    assert bench.steps() == []


def test_a_job_that_fails_says_why_and_the_next_one_goes_on(bench):
    bench.take(Count(1, breaks=True), Count(2, total=1))
    failed, *rest = bench.steps()[3:]
    assert isinstance(failed, JobFailed) and failed.job == 1
    assert failed.message == "Nothing to count; choose a number."
    assert "Traceback" in failed.details
    assert rest == [2, JobDone(2)]


def test_slides_are_let_go_between_steps(bench):
    bench.take(Count(1, total=1), KeepSlides(("a.svs",)))
    assert bench.worker.kept == []  # not by the thread that takes messages
    bench.steps(1)
    assert bench.worker.kept == [("a.svs",)]
    bench.take(KeepSlides(()))
    bench.steps()
    assert bench.worker.kept == [("a.svs",), ()]


def test_the_time_of_other_jobs_is_not_counted(bench, monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr("ssmamba.engine.scheduler.time.perf_counter", lambda: next(now))
    bench.take(Count(1, priority=Priority.REST))
    bench.steps(1)
    alone = bench.worker.spent[1]()
    bench.take(Count(2))
    bench.steps(3)
    assert bench.worker.spent[1]() == alone > 0


def test_a_long_step_that_asks_for_its_time_ends_when_its_job_is_cancelled(bench):
    def plan(request):
        bench.take(Cancel(request.job))  # while the step is being done
        bench.worker.spent[request.job]()
        yield Progress(request.job, 1, 1)

    bench.worker.count = plan
    bench.take(Count(1))
    assert bench.steps() == [JobCancelled(1)]
