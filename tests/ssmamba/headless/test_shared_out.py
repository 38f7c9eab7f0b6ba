"""A cohort that several processes share, one of which is killed: no slide twice, none missing.

The processes know each other by torchrun's variables, by those of a Slurm array, or are torchrun's
own. What was killed is started again, as a scheduler does it.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import Calibration, InputSpec
from ssmamba.lock import LOCK_FILE
from tests.patience import PATIENCE_S
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
ROOT = Path(__file__).resolve().parents[3]
MANY, FEW = 40, 6  # slides
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
PROCESSES = {
    "torchrun": [{"RANK": str(r), "WORLD_SIZE": "2", "LOCAL_RANK": str(r)} for r in (0, 1)],
    "slurm": [
        {
            "SLURM_ARRAY_TASK_ID": str(5 + task),
            "SLURM_ARRAY_TASK_MIN": "5",
            "SLURM_ARRAY_TASK_COUNT": "2",
        }
        for task in (0, 1)
    ],
}


@dataclass(frozen=True)
class Cohort:
    """A command with a cohort, and where its results lie."""

    command: str  # scan or extract
    slides: Path
    model: Path
    out: Path

    @property
    def arguments(self) -> list[str]:
        model = "--model" if self.command == "scan" else "--encoder"
        given = [str(self.slides), model, str(self.model), "--out", str(self.out)]
        return ["-m", f"ssmamba.{self.command}", *given, "--device", "cpu", "--batch", "8"]

    @property
    def names(self) -> set[str]:
        return {path.stem for path in self.slides.iterdir()}

    def done(self) -> set[str]:
        """Names of the slides that have results."""
        if self.command == "scan":
            return {path.parent.name for path in self.out.glob("*/summary.json")}
        return {path.stem for path in self.out.glob("*/*/*.h5")}

    def files(self) -> dict[str, bytes]:
        """The table or features of each slide."""
        kind = "*/tiles.csv" if self.command == "scan" else "*/*/*.h5"
        return {str(p.relative_to(self.out)): p.read_bytes() for p in self.out.glob(kind)}

    def table(self) -> list[dict[str, str]]:
        name = "summary.csv" if self.command == "scan" else "slides.csv"
        with next(self.out.rglob(name)).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def held(self) -> dict[int, str]:
        """Process -> the slide without results whose lock bears its number."""
        locks = {"scan": "*/" + LOCK_FILE, "extract": "*/*/.state/*/" + LOCK_FILE}[self.command]
        found = {}
        for lock in self.out.glob(locks):
            words = lock.read_text().split()
            if len(words) > 1 and lock.parent.name not in self.done():
                found[int(words[1])] = lock.parent.name
        return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = InputSpec(window_px=32, source_px=32, mpp=1.0)
    path = tmp_path_factory.mktemp("shared") / "model.safetensors"
    return save_classifier(path, spec=spec, calibration=Calibration(entropy_limit=0.8))


def cohort_of(count: int, command: str, model: Path, folder: Path) -> Cohort:
    slides = folder / "slides"
    slides.mkdir()
    for number in range(count):
        picture = grainy(500 + 20 * (number % 3), 400, number)
        write_pyramid(slides / f"s{number:02}.tif", mpp=0.5, picture=picture)
    return Cohort(command, slides, model, folder / "out")


@contextmanager
def started(arguments: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    environment = {**os.environ, **variables, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, *arguments] if arguments[0] == "-m" else arguments,
        env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def told_by(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=PATIENCE_S)[1]


def kill_half_way(cohort: Cohort, processes: set[int] | None = None) -> str:
    """Kill one of the processes (None = any) that is at a slide as half of them are done.

    Returns the name of the slide that it held.
    """
    end = time.monotonic() + PATIENCE_S
    half = len(cohort.names) // 2
    while time.monotonic() < end:
        if len(cohort.done()) >= half:
            for process, slide in cohort.held().items():
                if processes is None or process in processes:
                    os.kill(process, signal.SIGKILL)
                    return slide
        time.sleep(0.005)  # there is nothing to wait for: the files of another process tell
    raise AssertionError(f"{len(cohort.done())} slides were done, and no process held another")


def assert_each_once(cohort: Cohort, told: list[str]) -> None:
    """No slide twice, none missing, and nothing is left of what was broken off."""
    done = [
        line.split(":")[0] for text in told for line in text.splitlines() if ": done in" in line
    ]
    assert len(done) == len(set(done))
    assert cohort.done() == cohort.names
    told_done = {Path(name).stem for name in done}
    assert len(cohort.names - told_done) <= 1  # killed between a result and its sentence
    rows = cohort.table()
    assert [row["reason"] for row in rows] == [""] * len(cohort.names)
    assert not [*cohort.out.rglob("*.partial"), *cohort.out.rglob("answers.part")]
    assert not [*cohort.out.rglob("failed.json")]


def shared_and_killed(cohort: Cohort, environments: list[dict[str, str]]) -> None:
    first, second = environments
    with started(cohort.arguments, first) as one:
        with started(cohort.arguments, second) as two:
            kill_half_way(cohort, {two.pid})
            told = [told_by(two)]
        assert two.returncode == -signal.SIGKILL
        with started(cohort.arguments, second) as again:
            told += [told_by(again), told_by(one)]
            assert (again.returncode, one.returncode) == (0, 0), told
    assert_each_once(cohort, told)


def test_six_slides_one_process_of_two_killed_and_started_again(
    model: Path, tmp_path: Path
) -> None:
    shared_and_killed(cohort_of(FEW, "scan", model, tmp_path), PROCESSES["slurm"])


@pytest.mark.slow
@pytest.mark.parametrize("environment", PROCESSES)
@pytest.mark.parametrize("command", ["scan", "extract"])
def test_forty_slides_one_of_two_killed_and_started_again(
    command: str, environment: str, model: Path, tmp_path: Path
) -> None:
    cohort = cohort_of(MANY, command, model, tmp_path)
    shared_and_killed(cohort, PROCESSES[environment])
    alone = Cohort(command, cohort.slides, model, tmp_path / "alone")
    with started(alone.arguments, {}) as process:
        told = told_by(process)
        assert process.returncode == 0, told
    assert cohort.files() == alone.files()  # the answers are those of one process


@pytest.mark.slow
@pytest.mark.parametrize("command", ["scan", "extract"])
def test_torchrun_ends_with_its_killed_worker_and_another_one_finishes(
    command: str, model: Path, tmp_path: Path
) -> None:
    cohort = cohort_of(MANY, command, model, tmp_path)
    whole = [*TORCHRUN, *cohort.arguments]
    with started(whole, {}) as run:
        kill_half_way(cohort)
        told = [told_by(run)]
        assert run.returncode != 0  # it ends the other workers, as it is made to
    assert len(cohort.done()) < MANY
    with started(whole, {}) as again:
        told.append(told_by(again))
        assert again.returncode == 0, told[-1]
    assert_each_once(cohort, told)
