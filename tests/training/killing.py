"""Trainings that are killed at a file operation, and continued.

``python -m tests.training.killing COMMAND DATA FOLDER COUNT [FLAGS]`` runs a training unbroken,
then COUNT times killed with SIGKILL before one of its file operations and resumed. It prints what
went wrong, a line each, and how many there were. Each run is a fork of a process that has run the
training once: to import everything takes longer.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.chmod")
# the flag of what it trains on, where not --data
DATA = {"slide_pretrain": "--cohort", "slide_finetune": "--cohort"}
INSIDE = {"slide_finetune": "fold-0"}  # of a run's folder, where its checkpoints are
TABLES = ("split.csv", "slides.csv")  # what a run writes of its data
CHECKPOINTS = ("best.safetensors", "last.safetensors")


def main(argv: list[str]) -> int:
    command, data, root, count, *flags = argv
    place = Path(root)
    given = [DATA.get(command, "--data"), data, *flags]
    unbroken = place / "unbroken"
    operations = _watched(str(unbroken), 0)
    with redirect_stdout(io.StringIO()):
        assert import_module(f"training.{command}").main([*given, "--out", str(unbroken)]) == 0
    total, faults = len(operations), 0
    rng = random.Random(0)
    for number in range(int(count)):
        run, kill_at = place / f"killed{number}", rng.randint(1, total)
        status = _forked(command, [*given, "--out", str(run)], run, kill_at)
        killed = status == -signal.SIGKILL
        again = _forked(command, [*given, "--out", str(run), "--resume"], run)
        wrong = [] if killed else [f"was not killed (exit status {status})"]
        inside = INSIDE.get(command, "")
        same = differences(unbroken / inside, run / inside) if not again else []
        wrong += [f"was not resumed (exit status {again})"] if again else same
        for what in wrong:
            print(f"{command} killed before operation {kill_at} of {total}: {what}")
        faults += bool(wrong)
        shutil.rmtree(run)
    print(f"{command}: {count} killed among {total} file operations, {faults} with faults")
    return faults


def differences(unbroken: Path, run: Path) -> list[str]:
    """How a resumed run differs from an unbroken one, besides in seconds."""
    found = []
    for name in CHECKPOINTS:
        one, two = (loaded(folder / name) for folder in (unbroken, run))
        first, second = ({**c.model.state_dict(), **c.extra} for c in (one, two))
        if first.keys() != second.keys() or any(
            not torch.equal(first[key], second[key]) for key in first
        ):
            found.append(f"{name} has other weights")
        cards = [without_seconds(json.loads(c.card.to_json())) for c in (one, two)]
        if cards[0] != cards[1]:
            found.append(f"{name} has another card")
    logs = [
        [without_seconds(json.loads(x)) for x in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (unbroken, run)
    ]
    found += [] if logs[0] == logs[1] else [f"a log of {len(logs[1])} lines, not {len(logs[0])}"]
    for table in (path.name for path in unbroken.iterdir() if path.name in TABLES):
        texts = [(folder / table).read_bytes() for folder in (unbroken, run)]
        found += [] if texts[0] == texts[1] else [f"another {table}"]
    found += [f"left {path.name}" for path in run.rglob("*.partial")]
    return found


def loaded(path: Path) -> checkpoint.Checkpoint:
    slides = read_card(path).answers_slides
    return checkpoint.load_slide_model(path) if slides else checkpoint.load(path)


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def assert_killed_runs_end_equal(module: str, given: list[str], count: str) -> None:
    """Run ``python -m MODULE GIVEN``, a killing of ``count`` runs, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *given], stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert f": {count} killed among" in done.stdout and ", 0 with faults" in done.stdout


def _forked(command: str, given: list[str], run: Path, kill_at: int = 0) -> int:
    """Run a command in a fork; returns its exit status, negative for a signal."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        _watched(str(run), kill_at)
        status = import_module(f"training.{command}").main(given)
    finally:
        os._exit(status)


def _watched(folder: str, kill_at: int) -> list[str]:
    """The file operations below a folder as they come; the process is killed before one."""
    seen: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or not any(str(a).startswith(folder) for a in arguments[:2]):
            return
        if event == "open" and arguments[1] in ("r", "rb", None) and not arguments[2] & os.O_WRONLY:
            return
        seen.append(event)
        if len(seen) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return seen


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in ("finetune", "pretrain", "slide_pretrain", "slide_finetune"):
        import_module(f"training.{name}")
    sys.exit(min(main(sys.argv[1:]), 100))
