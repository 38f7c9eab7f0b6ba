"""A lock has one holder, and ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssmamba import locks
from ssmamba.locks import FileLock
from tests.patience import PATIENCE_S

HOLDER = """
import sys, time
from pathlib import Path
from ssmamba import locks
if sys.argv[2] == "none":
    locks._lock = lambda handle: None
assert locks.FileLock(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["system", "none"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the system's locks, and on a drive that has none."""
    if request.param == "none":
        monkeypatch.setattr(locks, "_lock", lambda handle: None)
    return request.param


def test_one_holds_it_at_a_time(tmp_path: Path, kind: str) -> None:
    ours, theirs = FileLock(tmp_path / "x"), FileLock(tmp_path / "x")
    assert ours.take() and ours.held
    assert not theirs.take(0.05) and not theirs.held
    theirs.free()  # nothing of ours
    assert not theirs.take()
    ours.free()
    assert theirs.take()
    theirs.free()


def test_it_ends_with_its_process(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    command = [sys.executable, "-c", HOLDER, str(path), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        lock = FileLock(path)
        assert not lock.take()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(PATIENCE_S)
    assert lock.take()
    lock.free()


def test_a_mark_of_another_process_of_the_same_number_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_lock", lambda handle: None)
    mark = tmp_path / "x.pid"
    mark.write_text(json.dumps({**locks._process(os.getpid()), "start": "1"}))
    lock = FileLock(tmp_path / "x")
    assert lock.take()
    lock.free()
    mark.write_text("{damaged")
    assert not lock.take()  # another may be writing it now
    os.utime(mark, (1, 1))
    assert lock.take()
    lock.free()
    assert not mark.exists()


def test_a_mark_of_another_machine_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_lock", lambda handle: None)
    (tmp_path / "x.pid").write_text(json.dumps({"pid": 1, "start": "1", "host": "elsewhere"}))
    assert not FileLock(tmp_path / "x").take()


def test_waiting_takes_it_when_it_is_free(tmp_path: Path) -> None:
    import threading

    ours, theirs = FileLock(tmp_path / "x"), FileLock(tmp_path / "x")
    ours.take()
    freed = threading.Timer(0.1, ours.free)
    freed.start()
    start = time.monotonic()
    assert theirs.take(PATIENCE_S) and time.monotonic() - start < PATIENCE_S
    freed.join()
    theirs.free()
