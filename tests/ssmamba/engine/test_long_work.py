"""Jobs that have lasted give way, and otherwise behave as before."""

import os
import sys
import threading

import pytest

from ssmamba.engine import scheduler as module
from ssmamba.engine.long_work import NICE, LongWork
from ssmamba.engine.messages import JobDone, JobFailed, Priority
from ssmamba.errors import InputError
from tests.ssmamba.engine.test_scheduler import Bench, Count


class Where:
    """Notes the thread of each step."""

    def __init__(self, bench: Bench) -> None:
        self.names: list[str] = []
        count = bench.worker.count

        def noted(request):
            for reply in count(request):
                self.names.append(threading.current_thread().name)
                yield reply

        bench.worker.count = noted


def test_a_job_that_has_lasted_goes_on_in_a_thread_of_its_own(monkeypatch):
    monkeypatch.setattr(module, "LONG_S", 0.0)
    bench = Bench()
    where = Where(bench)
    bench.take(Count(1, total=3))
    assert bench.steps() == [1, 1, 1, JobDone(1)]
    here = threading.current_thread().name
    assert where.names[0] == here
    assert all(name.startswith("long-work") for name in where.names[1:])


def test_what_is_just_asked_stays_where_it_is(monkeypatch):
    bench = Bench()
    where = Where(bench)
    bench.take(Count(1, priority=Priority.REST, total=5))
    bench.steps()
    assert set(where.names) == {threading.current_thread().name}


def test_a_failure_of_long_work_is_told_as_any_other(monkeypatch):
    monkeypatch.setattr(module, "LONG_S", 0.0)
    bench = Bench()
    bench.take(Count(1, total=2, breaks=True))
    *_, end = bench.steps()
    assert isinstance(end, JobFailed) and "choose a number" in end.message


@pytest.mark.skipif(sys.platform != "linux", reason="niceness belongs to the process elsewhere")
def test_long_work_has_a_lower_priority_than_its_process():
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    work, before = LongWork(), niceness()
    try:
        assert work.run(niceness) == max(NICE, before)
        with pytest.raises(InputError, match="no"):
            work.run(lambda: (_ for _ in ()).throw(InputError("no")))
    finally:
        work.close()
    assert niceness() == before
