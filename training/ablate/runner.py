"""Runs of a grid as separate processes, several at a time.

A run that fails does not end the grid. Ctrl-C is passed on, so that each run saves its state; runs
end with a grid that is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import training
from ssmamba.runtime.cores import usable_cores
from training.ablate.jobs import Job
from training.ablate.record import GridRecord
from training.ablate.time_left import TimeLeft, epochs_done
from training.cli.command import STOPPED
from training.loop.interrupt import Interrupted, StopRequest
from training.loop.progress import Progress, console

POLL_S = 0.5
PATIENCE_S = 300.0  # a stopped run finishes its step or validation and writes its state
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Running:
    """A run in progress."""

    job: Job
    process: subprocess.Popen[bytes]
    log: Path
    slot: int
    began: float = field(default_factory=time.monotonic)

    def close(self) -> None:
        """Let go of the pipe of a run that has ended."""
        if self.process.stdin is not None:
            self.process.stdin.close()


def run_jobs(jobs: list[Job], record: GridRecord, slots: int) -> None:
    """Run what is not done; results are in the record. Raises Interrupted after Ctrl-C."""
    grid = _Grid(jobs, record, slots)
    with StopRequest() as stop:
        try:
            grid.work(stop)
        except BaseException:
            grid.kill()
            raise


class _Grid:
    def __init__(self, jobs: list[Job], record: GridRecord, slots: int) -> None:
        self.record, self.slots = record, slots
        self.total = len(jobs)
        self.waiting = [job for job in jobs if not record.done(job)]
        self.failed: set[str] = set()
        self.running: list[Running] = []
        self.time_left = TimeLeft(jobs, record)

    def work(self, stop: StopRequest) -> None:
        with Progress("Grid", self.total) as progress:
            while self.waiting or self.running:
                if stop.asked:
                    self._stop()
                    raise Interrupted
                self._collect()
                self._fill()
                left = self.time_left.left([r.job for r in self.running], self.waiting, self.slots)
                done = self.total - len(self.waiting) - len(self.running)
                progress.update(done, self._status(), left)
                time.sleep(POLL_S)

    def _status(self) -> str:
        jobs = [run.job for run in self.running]
        return "  ".join(f"{job.key} epoch {epochs_done(job)}/{job.epochs}" for job in jobs)

    def _fill(self) -> None:
        """Start every run that can start, in the order of the list."""
        for job in list(self.waiting):
            lost = job.needs in self.failed
            why = job.problem or (f"its pre-training {job.needs} failed" if lost else "")
            if why:
                self.waiting.remove(job)
                self._fail(job, why)
            elif len(self.running) < self.slots and self._ready(job):
                self.waiting.remove(job)
                self.running.append(self._start(job))

    def _ready(self, job: Job) -> bool:
        busy = {run.job.key for run in self.running} | {other.key for other in self.waiting}
        return job.needs not in busy

    def _start(self, job: Job) -> Running:
        log = job.folder.parent / f"{job.folder.name}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        slot = min(set(range(self.slots)) - {run.slot for run in self.running})
        with log.open("ab") as file:
            process = subprocess.Popen(
                command_of(job),
                stdin=subprocess.PIPE,  # held open: its end ends the run, see child.py
                bufsize=0,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=_environment(slot, self.slots),
                start_new_session=True,  # out of reach of Ctrl-C: the grid passes it on, once
            )
        self.time_left.start(job)
        return Running(job, process, log, slot)

    def _collect(self) -> None:
        for run in list(self.running):
            status = run.process.poll()
            if status is None:
                continue
            self.running.remove(run)
            run.close()
            self._settle(run, status)

    def _settle(self, run: Running, status: int) -> None:
        job, seconds = run.job, time.monotonic() - run.began
        if status == 0 and job.checkpoint.is_file():
            self.record.set(job, "done", seconds=round(self.time_left.finish(job, seconds), 1))
            console.print(f"{job.key}: done")
        else:
            self._fail(job, _reason(run.log, status))

    def _fail(self, job: Job, why: str) -> None:
        self.failed.add(job.key)
        self.record.set(job, "failed", why=why)
        console.print(f"{job.key}: failed: {why}")

    def _stop(self) -> None:
        """Let every run save its state and end."""
        for run in self.running:
            _ask_to_stop(run.process)
        deadline = time.monotonic() + PATIENCE_S
        for run in self.running:
            try:
                status = run.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                continue
            if status == 0:
                self._settle(run, status)
        self.kill()

    def kill(self) -> None:
        for run in self.running:
            if run.process.poll() is None:
                run.process.kill()
            run.process.wait()
            run.close()


def command_of(job: Job) -> list[str]:
    return [sys.executable, "-m", "training.ablate.child", job.kind, *job.flags, "--resume"]


def _ask_to_stop(process: subprocess.Popen) -> None:
    """Send Ctrl-C; Windows has it only for a whole console, so a run there is terminated."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)


def _environment(slot: int, slots: int) -> dict[str, str]:
    """A run's environment: its share of the cores, and one GPU if there are several."""
    found = dict(os.environ)
    root = str(Path(training.__file__).parents[1])
    found["PYTHONPATH"] = os.pathsep.join(p for p in (root, found.get("PYTHONPATH", "")) if p)
    if slots > 1:
        each = str(max(1, usable_cores() // slots))
        for name in THREADS:
            found.setdefault(name, each)
        gpus = _visible_gpus()
        if len(gpus) > 1:
            found["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
    return found


def _visible_gpus() -> list[str]:
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [part.strip() for part in named.split(",") if part.strip()]
    return [str(index) for index in range(torch.cuda.device_count())]


def _reason(log: Path, status: int) -> str:
    """The run's last error message, or the last line of its traceback."""
    if status == STOPPED:
        return f"it was stopped by a signal; see {log}"
    lines = [
        line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    last = errors[-1] if errors else next((line for line in reversed(lines) if line), "no output")
    return last if errors else f"{last} (exit status {status}; see {log})"
