"""The cores that other programs leave."""

import os
import threading
from types import SimpleNamespace

import pytest

from ssmamba.runtime import load
from ssmamba.runtime.load import CoresForUs


class Machine:
    """Two cores and a clock that tests move on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, niceness: int = 0) -> None:
        self.now, self.own = 100.0, 0.0
        self.idle, self.nice = [50.0, 60.0], [0.0, 0.0]
        clock = SimpleNamespace(perf_counter=lambda: self.now, process_time=lambda: self.own)
        monkeypatch.setattr(load, "time", clock)
        monkeypatch.setattr(load.psutil, "cpu_times", self.times)
        monkeypatch.setattr(load, "_niceness", lambda: niceness)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
        monkeypatch.setattr(os, "getpriority", lambda which, who: niceness, raising=False)

    def times(self, percpu: bool) -> list[SimpleNamespace]:
        assert percpu
        return [SimpleNamespace(idle=i, nice=n) for i, n in zip(self.idle, self.nice, strict=True)]

    def run(self, seconds: float, own: float, idle: tuple[float, float], nice: float = 0) -> None:
        self.now += seconds
        self.own += own
        self.idle = [a + b for a, b in zip(self.idle, idle, strict=True)]
        self.nice[0] += nice


def test_idle_cores_and_our_own_are_ours(monkeypatch):
    machine = Machine(monkeypatch)
    cores = CoresForUs()
    assert cores() is None
    machine.run(2.0, own=2.0, idle=(0.0, 2.0))
    assert cores() == pytest.approx(2.0)
    machine.run(2.0, own=2.0, idle=(0.0, 0.0))  # the other core works for somebody else
    assert cores() == pytest.approx(1.0)


def test_a_moment_too_short_to_tell_keeps_the_last_answer(monkeypatch):
    machine = Machine(monkeypatch)
    cores = CoresForUs()
    machine.run(1.0, own=1.0, idle=(0.0, 1.0))
    assert cores() == pytest.approx(2.0)
    machine.run(0.01, own=0.01, idle=(0.0, 0.0))
    assert cores() == pytest.approx(2.0)


@pytest.mark.parametrize(("niceness", "expected"), [(0, 1.5), (10, 1.0)])
def test_work_of_lower_priority_gives_half_of_its_core(monkeypatch, niceness, expected):
    machine = Machine(monkeypatch, niceness)
    cores = CoresForUs()
    machine.run(1.0, own=1.0, idle=(0.0, 0.0), nice=1.0)
    assert cores() == pytest.approx(expected)


def test_cores_that_the_process_may_not_use_do_not_count(monkeypatch):
    machine = Machine(monkeypatch)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    cores = CoresForUs()
    machine.run(1.0, own=1.0, idle=(0.0, 1.0))
    assert cores() == pytest.approx(1.0)


def test_the_real_machine_has_between_none_and_all_of_its_cores():
    cores = CoresForUs()
    threading.Event().wait(2 * load.LEAST_S)
    assert 0 <= cores() <= (os.cpu_count() or 1) + 0.5


def test_a_system_that_does_not_tell_costs_the_answer_only(monkeypatch):
    def silent(percpu: bool) -> list[SimpleNamespace]:
        raise FileNotFoundError("/proc/stat")

    monkeypatch.setattr(load.psutil, "cpu_times", silent)
    cores = CoresForUs()
    threading.Event().wait(2 * load.LEAST_S)
    assert cores() is None
