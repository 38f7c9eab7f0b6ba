"""The grid's processes, with small scripts in place of trainings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from training.ablate import runner
from training.ablate.jobs import Job
from training.ablate.record import GridRecord
from training.ablate.time_left import TimeLeft
from training.config import FinetuneConfig
from training.loop.interrupt import Interrupted

WRITES = "import pathlib; pathlib.Path('{f}').mkdir(parents=True, exist_ok=True); "
GOOD = WRITES + "pathlib.Path('{f}/best.safetensors').write_text('x')"
BAD = "import sys; print('error: no such thing; do another.', file=sys.stderr); sys.exit(2)"
CRASH = "raise RuntimeError('a bug')"
NEEDS_OTHER = (
    "import pathlib, time\n"
    "mine, other = pathlib.Path('{f}'), pathlib.Path('{f}').parent / '{o}'\n"
    "mine.mkdir(parents=True, exist_ok=True); start = time.monotonic()\n"
    "while not other.exists() and time.monotonic() - start < 200: time.sleep(0.02)\n"
    "assert other.exists()\n"
    "(mine / 'best.safetensors').write_text('x')"
)
UNTIL_CTRL_C = (
    WRITES + "import signal, sys, time\n"
    "signal.signal(signal.SIGINT, lambda *_: (pathlib.Path('{f}/saved').touch(), sys.exit(130)))\n"
    "pathlib.Path('{f}/up').touch()\n"
    "while True: time.sleep(0.05)"
)


def job(root: Path, name: str, script: str, needs: str | None = None, problem: str = "") -> Job:
    folder = root / "finetune" / f"{name}-s0"
    code = script.replace("{f}", str(folder))
    config = FinetuneConfig(data=root, out=folder, epochs=4)
    return Job("finetune", name, 0, folder, (code,), needs, config, problem)


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "command_of", lambda j: [sys.executable, "-c", j.flags[0]])
    monkeypatch.setattr(runner, "POLL_S", 0.02)


def test_a_failing_run_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = [
        job(tmp_path, "bad", BAD),
        job(tmp_path, "after-bad", GOOD, needs="finetune/bad-s0"),
        job(tmp_path, "crash", CRASH),
        job(tmp_path, "unknown", GOOD, problem="there is no such flag"),
        job(tmp_path, "good", GOOD),
        job(tmp_path, "after-good", GOOD, needs="finetune/good-s0"),
    ]
    record = GridRecord(tmp_path)
    runner.run_jobs(jobs, record, slots=1)
    assert [j.cell for j in jobs if record.done(j)] == ["good", "after-good"]
    why = {j.cell: record.why_failed(j) for j in jobs}
    assert why["bad"] == "no such thing; do another."
    assert why["after-bad"] == "its pre-training finetune/bad-s0 failed"
    assert why["crash"].startswith("RuntimeError: a bug (exit status 1; see ")
    assert why["unknown"] == "there is no such flag"


def test_what_is_done_is_not_run_again_and_what_failed_is(tmp_path: Path) -> None:
    runner.run_jobs([job(tmp_path, "a", GOOD), job(tmp_path, "b", BAD)], GridRecord(tmp_path), 1)
    again = [job(tmp_path, "a", CRASH), job(tmp_path, "b", GOOD)]
    record = GridRecord(tmp_path)
    runner.run_jobs(again, record, 1)
    assert all(record.done(j) for j in again)


def test_runs_are_side_by_side(tmp_path: Path) -> None:
    """Each waits for the other, so one after the other would fail."""
    jobs = [
        job(tmp_path, "a", NEEDS_OTHER.replace("{o}", "b-s0")),
        job(tmp_path, "b", NEEDS_OTHER.replace("{o}", "a-s0")),
    ]
    record = GridRecord(tmp_path)
    runner.run_jobs(jobs, record, slots=2)
    assert all(record.done(j) for j in jobs)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_reaches_the_runs_and_ends_the_grid(tmp_path: Path) -> None:
    at_work, never = job(tmp_path, "a", UNTIL_CTRL_C), job(tmp_path, "b", GOOD)

    def interrupt() -> None:
        while not (at_work.folder / "up").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    record = GridRecord(tmp_path)
    with pytest.raises(Interrupted):
        runner.run_jobs([at_work, never], record, slots=1)
    thread.join()
    assert (at_work.folder / "saved").exists() and not never.checkpoint.exists()
    assert not record.done(at_work) and record.why_failed(at_work) == ""


def test_the_time_left_follows_the_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = job(tmp_path, "a", GOOD), job(tmp_path, "b", GOOD)
    now = [100.0]
    monkeypatch.setattr("training.ablate.time_left.time.monotonic", lambda: now[0])
    time_left = TimeLeft([first, second], GridRecord(tmp_path))
    time_left.start(first)
    assert time_left.left([first], [second], 1) is None
    first.folder.mkdir(parents=True)
    (first.folder / "log.jsonl").write_text("{}\n")
    now[0] += 10  # 10 s for one of four epochs: 30 s here and 40 s for the other
    assert time_left.left([first], [second], 1) == pytest.approx(70)
    assert time_left.left([first], [second], 2) == pytest.approx(35)


GRID = """
import sys
from pathlib import Path
from tests.patience import PATIENCE_S
from training.ablate import runner
from training.ablate.record import GridRecord
from tests.training.ablate.test_runner import job

runner.command_of = lambda j: [sys.executable, "-c", j.flags[0]]
root = Path(sys.argv[1])
runner.run_jobs([job(root, "a", sys.argv[2])], GridRecord(root), slots=1)
"""
ENDLESS = (
    WRITES + "import os, time; from training.ablate.child import end_with_parent\n"
    "end_with_parent()\n"
    "pathlib.Path('{f}/pid').write_text(str(os.getpid()))\n"
    "while True: time.sleep(0.05)"
)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_grid_takes_its_runs_with_it(tmp_path: Path) -> None:
    pid = tmp_path / "finetune" / "a-s0" / "pid"
    with subprocess.Popen([sys.executable, "-c", GRID, str(tmp_path), ENDLESS]) as grid:
        assert patiently(lambda: pid.is_file() and pid.read_text() != "")
        grid.kill()
    assert patiently(lambda: ended(int(pid.read_text())))


def patiently(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits for an init that never asks for its exit status."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.is_file() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
