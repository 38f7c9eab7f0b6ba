"""A queue tells the place in it and the time left."""

from __future__ import annotations

from ssmamba.engine.messages import Priority, Progress
from tests.viewer.fakes import square
from viewer.state.activity import BATCH, Activity
from viewer.state.batch import Batch
from viewer.state.jobs import JobTable
from viewer.state.planning import Task
from viewer.state.results import AnswerKey, Reading


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def task(name: str) -> Task:
    roi = square(0, 0, 9, name, name)
    key = AnswerKey(name, "m", "1", Reading("g", None, None))
    return Task(roi, (key,), Priority.REST)


def test_place_and_time_follow_what_ends_and_what_joins() -> None:
    clock = Clock()
    batch = Batch(clock)
    batch.follow(20)
    assert (batch.place, batch.total, batch.left_s) == (1, 20, None)
    clock.now = 8.0
    batch.follow(16)  # four in 8 s
    assert (batch.place, batch.total, batch.left_s) == (5, 20, 32.0)
    batch.follow(26)  # ten more
    assert (batch.place, batch.total, batch.left_s) == (5, 30, 52.0)
    batch.follow(1)
    assert batch.place == 30
    batch.follow(0)
    assert (batch.done, batch.total, batch.left_s) == (0, 0, None)
    batch.follow(3)
    assert (batch.place, batch.total) == (1, 3)


def test_a_queue_is_told_by_place_and_a_single_region_by_its_windows() -> None:
    jobs = JobTable()
    activity = Activity(jobs)
    assert activity.now(0, True) == ("", 0, 0)
    number = jobs.add(task("A"))
    assert activity.now(0, False) == ("Starting models", 0, 0)
    assert activity.now(0, True) == ("Classifying A", 0, 0)
    job = jobs.get(number)
    assert job is not None
    job.progress = Progress(number, 1200, 7000, 48.3, 120.1)
    assert activity.now(0, True) == ("Classifying A, 48 windows/s, 2 min left", 1200, 7000)
    clock = Clock()
    activity._batch._clock = clock
    activity._batch.follow(0)
    assert activity.now(20_001, True) == ("Classifying A, 1 of 20\u202f002", 0, 20_002)
    clock.now = 100.0
    told = activity.now(20_001 - 100, True)
    assert told == ("Classifying A, 101 of 20\u202f002, 5 h 32 min left", 100, 20_002)
    activity._batch.follow(0)
    assert activity.now(BATCH - 2, True)[2] == 7000  # too few to be a queue
