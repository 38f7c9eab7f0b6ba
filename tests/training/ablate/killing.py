"""Grids that are killed while they work, and continued.

``python -m tests.training.ablate.killing DATA FOLDER COUNT FLAGS`` runs a grid unbroken, then COUNT
times killed at a random moment and resumed, and prints what went wrong. Grids and their runs are
forks of a process that has imported everything: to import torch takes longer than to train.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from tests.patience import PATIENCE_S
from tests.training.killing import differences
from training.ablate import child, runner

OVER_S = 0.03  # s, between two looks


class ForkedRun:
    """A grid's run as a fork, with what a grid asks of ``subprocess.Popen``."""

    folder: Path  # its children note their numbers there

    def __init__(
        self, command: list[str], *, stdout: Any, env: dict[str, str], **_: object
    ) -> None:
        given, self.stdin = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid:
            os.close(given)
            self.stdin = os.fdopen(self.stdin, "wb", 0)  # type: ignore[assignment]
            return
        status = 1
        try:
            os.setsid()
            os.close(self.stdin)
            os.dup2(given, 0)
            os.dup2(stdout.fileno(), 1)
            os.dup2(stdout.fileno(), 2)
            os.environ.update(env)
            (self.folder / str(os.getpid())).touch()
            status = child.main(command[3:])
        finally:
            os._exit(status)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = PATIENCE_S) -> int:
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a forked run", timeout)
            time.sleep(OVER_S)
        return int(self.returncode or 0)

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def forked_grid(flags: list[str], out: Path) -> int:
    """Start a grid; returns its process's number."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        ForkedRun.folder = Path(f"{out}-numbers")
        ForkedRun.folder.mkdir(exist_ok=True)
        runner.subprocess.Popen = ForkedRun  # type: ignore[misc, assignment]
        status = import_module("training.ablate.__main__").main([*flags, "--out", str(out)])
    finally:
        os._exit(status)


def ended(pid: int) -> int:
    """The exit status of a child, when it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def left_behind(out: Path) -> list[int]:
    """Runs of a killed grid that still work after a while."""
    numbers = [int(path.name) for path in Path(f"{out}-numbers").iterdir()]
    end = time.monotonic() + PATIENCE_S
    while any(map(alive, numbers)) and time.monotonic() < end:
        time.sleep(OVER_S)
    return [number for number in numbers if alive(number)]


def files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def kill_and_resume(flags: list[str], whole: Path, out: Path, rng: random.Random) -> list[str]:
    """What was wrong with one grid that was killed once it had a random number of files."""
    at, pid = rng.randrange(1, files(whole)), forked_grid(flags, out)
    while files(out) < at and os.waitpid(pid, os.WNOHANG)[0] == 0:
        time.sleep(OVER_S)
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return [f"ended before it had {at} files"]
    wrong = [f"run {number} works on" for number in left_behind(out)]
    status = ended(forked_grid([*flags, "--resume"], out))
    if status:
        return [*wrong, f"was not resumed (exit status {status})"]
    for path in sorted(whole.glob("*/*/best.safetensors")):
        run = path.parent.relative_to(whole)
        found = differences(whole / run, out / run)
        # a card has its pre-training's hash, which depends on the seconds in that one's card
        wrong += [f"{run}: {what}" for what in found if "another card" not in what]
    return wrong


def main(argv: list[str]) -> int:
    data, root, count, *flags = argv
    place, given = Path(root), ["--data", data, *flags]
    whole = place / "whole"
    assert ended(forked_grid(given, whole)) == 0
    faults, rng = 0, random.Random(0)
    for number in range(int(count)):
        out = place / f"killed{number}"
        wrong = kill_and_resume(given, whole, out, rng)
        print("\n".join(f"grid {number}: {what}" for what in wrong), end="\n" * bool(wrong))
        faults += bool(wrong)
        shutil.rmtree(out)
    print(f"ablate: {count} killed among {files(whole)} files, {faults} with faults", flush=True)
    return faults


def warm_up(data: str, root: Path) -> None:
    """Import what runs import, by running them once."""
    import contextlib
    import io

    for name, more in (("pretrain", ["--mask-unit", "8", "--decoder-dim", "32"]), ("finetune", [])):
        flags = ["--data", data, "--out", str(root / f"warm-{name}"), "--size", "nano", *more]
        flags += ["--image-size", "32", "--batch-size", "8", "--epochs", "1"]
        with contextlib.redirect_stdout(io.StringIO()):
            assert import_module(f"training.{name}").main([*flags, "--warmup-epochs", "0.5"]) == 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    warm_up(sys.argv[1], Path(sys.argv[2]))
    sys.exit(min(main(sys.argv[1:]), 100))
