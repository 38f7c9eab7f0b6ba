"""The suite: missing runs are made, every trained model is tested, and the table is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ssmamba.errors import DataError
from ssmamba.lock import locked_folder
from ssmamba.runtime.device import choose_device
from training.ablate.config import seeds_of
from training.ablate.jobs import Job, parsed_run
from training.ablate.record import GridRecord
from training.ablate.runner import run_jobs
from training.cli.command import as_yaml
from training.cli.flag_errors import dashed
from training.data.catalog import refuse_out
from training.data.dataset import Dataset, load_dataset
from training.loop.progress import Progress, console
from training.runs.folder import CONFIG_FILE, refuse_other_values
from training.suite.config import Suite, SuiteConfig, read_suite
from training.suite.measure import Scored, Tester
from training.suite.report import compare, summary_table, write_report

RUNS, SCORES_FILE = "runs", "scores"


def run_suite(config: SuiteConfig) -> None:
    """Make the missing runs and compare all models with the first one. Raises DataError."""
    suite, seeds = read_suite(config), seeds_of(config.seeds)
    device = torch.device(choose_device(config.accelerator).name)
    jobs = plan_jobs(config, suite, seeds)
    for task in suite.tasks.values():
        refuse_out(config.data / task.data, config.out)
    with locked_folder(config.out):
        record = _open(config, jobs)
        run_jobs(list(jobs.values()), record, config.jobs)
        found = _test_all(config, suite, jobs, record, device)
    first, *others = suite.models
    compared = [compare(found, first, name) for name in others]
    for rows in compared:
        console.print(summary_table(rows))
    failures = {job.key: record.why_failed(job) for job in jobs.values() if not record.done(job)}
    for path in write_report(config.out, found, compared, failures):
        console.print(f"Wrote {path}")
    if failures:
        raise DataError(
            f"{len(failures)} of {len(jobs)} runs failed ({', '.join(list(failures)[:4])}); "
            f"{config.out / 'suite.md'} says why; the same command with --resume tries them again."
        )


def plan_jobs(
    config: SuiteConfig, suite: Suite, seeds: tuple[int, ...]
) -> dict[tuple[str, str, int], Job]:
    """A run for each task, model and seed; seed by seed, so that a stopped suite has whole ones.

    Raises DataError for flags that a run would refuse.
    """
    jobs = {}
    for seed in seeds:
        for task, entry in suite.tasks.items():
            for model, own in suite.models.items():
                folder = config.out / RUNS / task / f"{model}-s{seed}"
                given = {**suite.flags, **entry.flags, **own}
                given |= {"data": str(config.data / entry.data), "out": str(folder), "seed": seed}
                given |= {"accelerator": config.accelerator, "name": f"{task} {model} s{seed}"}
                flags = [f"{dashed(name)}={_text(value)}" for name, value in given.items()]
                run, problem = parsed_run("finetune", flags)
                if problem:
                    raise DataError(f"{task}, {model}: {problem}")
                cell = f"{task}/{model}"
                job = Job("finetune", cell, seed, folder, tuple(flags), None, run)
                jobs[task, model, seed] = job
    return jobs


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _open(config: SuiteConfig, jobs: dict[tuple[str, str, int], Job]) -> GridRecord:
    record = GridRecord(config.out)
    if record.path.exists() and not config.resume:
        raise DataError(
            f"{config.out} already holds a suite; give --resume to continue it, or choose another "
            "--out."
        )
    for job in jobs.values():
        assert job.config is not None
        refuse_other_values(job.folder / CONFIG_FILE, as_yaml(job.kind, job.config), job.kind)
    record.write()
    return record


def _test_all(
    config: SuiteConfig,
    suite: Suite,
    jobs: dict[tuple[str, str, int], Job],
    record: GridRecord,
    device: torch.device,
) -> list[Scored]:
    done = {key: job for key, job in jobs.items() if record.done(job)}
    testers: dict[str, Tester] = {}
    found: list[Scored] = []
    with Progress("Testing", len(done)) as progress:
        for number, ((task, model, seed), job) in enumerate(done.items(), start=1):
            if task not in testers:
                testers[task] = _tester(config, suite, task, job, device)
            found += testers[task].test(task, model, seed, job.checkpoint)
            progress.update(number)
    return found


def _tester(config: SuiteConfig, suite: Suite, task: str, job: Job, device: torch.device) -> Tester:
    assert job.config is not None
    dataset: Dataset = load_dataset(
        job.config.data, job.config.split_seed, job.config.dataset_info, quiet=True
    )
    scores: Path = config.out / SCORES_FILE / f"{task}.json"
    return Tester(suite.tasks[task], dataset, device, scores)
