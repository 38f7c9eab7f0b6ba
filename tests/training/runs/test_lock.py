"""Two commands in one folder: the second is told, and a lock never outlives its process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssmamba import lock
from ssmamba.errors import DataError
from ssmamba.lock import LOCK_FILE, locked_folder, refuse_locked
from tests.training.conftest import TINY
from training import finetune
from training.ablate.__main__ import main as ablate
from training.prepare.__main__ import main as prepare

HOLDER = """
import sys
from pathlib import Path
from ssmamba.lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock of tmp_path / "run"."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_lock_ends_with_its_process_however_it_ends(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    run = tmp_path / "run"
    told = rf"at work in .*run \(process {holder.pid} on .+\); wait until it has ended, or choose"
    with pytest.raises(DataError, match=told):
        refuse_locked(run)
    with pytest.raises(DataError, match=told), locked_folder(run):
        pass
    holder.kill()
    holder.wait()
    refuse_locked(run)
    with locked_folder(run), pytest.raises(DataError, match="Another command"):
        refuse_locked(run)
    refuse_locked(run)


def test_a_second_training_is_told_and_leaves_the_folder_alone(
    folder: Path,
    tmp_path: Path,
    holder: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY]
    for more in ([], ["--resume"]):
        assert finetune.main([*given, *more]) == 2
        said = capsys.readouterr().err
        assert "Another command is at work" in said and said.count("\n") == 1
    grid = ["--data", str(folder), "--out", str(tmp_path / "run"), "--tables", "6"]
    assert ablate(grid) == 2
    assert "Another command is at work" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK_FILE]


def test_a_second_preparation_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["folder", "--source", str(folder), "--out", str(tmp_path / "out")]
    with locked_folder(tmp_path / ".out.partial"):
        assert prepare([*given, "--resume"]) == 2
    assert "Another command is at work" in capsys.readouterr().err
    assert prepare([*given, "--resume"]) == 0
    assert not (tmp_path / "out" / LOCK_FILE).exists()


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(file: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock, "_lock", refuse)
    with locked_folder(tmp_path / "run"):
        pass
    assert "make sure that no other process works in it" in capsys.readouterr().err
