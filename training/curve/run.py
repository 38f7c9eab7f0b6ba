"""The curve: frozen features are probed, missing runs made and tested, table and figure written."""

from __future__ import annotations

import json

import numpy as np
import torch

from ssmamba.checkpoints.card import Card, read_card
from ssmamba.errors import DataError
from ssmamba.lock import locked_folder
from ssmamba.runtime.device import choose_device
from training.ablate.jobs import Job, parsed_run
from training.ablate.record import GridRecord
from training.ablate.runner import run_jobs
from training.cli.command import as_yaml
from training.cli.flag_errors import dashed
from training.curve.config import ALL, CurveConfig, read_recipe
from training.curve.frozen import FrozenCurve, Values
from training.curve.report import PRETRAINED, SCRATCH, write_report
from training.curve.scratch import scratch_file
from training.data.catalog import refuse_out
from training.data.dataset import Dataset
from training.evaluation.matching import dataset_for, refuse_overlap
from training.loop.progress import Progress
from training.runs.folder import CONFIG_FILE, refuse_other_values
from training.suite.config import PLAIN, Task
from training.suite.measure import Tester

RUNS, SCORES_FILE = "runs", "scores.json"
Jobs = dict[tuple[str, int, str], Job]  # by number of labels, draw and start


def draw_curve(config: CurveConfig) -> None:
    """Make what is missing and write curve.md, curve.json and curve.png. Raises DataError."""
    counts = config.counts()
    recipe = None if config.frozen_only else read_recipe(config)
    card = read_card(config.checkpoint)
    refuse_out(config.data, config.out)
    dataset = dataset_for(card, config.data, None, config.dataset_info)
    refuse_overlap(card, dataset, "test")
    device = torch.device(choose_device(config.accelerator).name)
    with locked_folder(config.out):
        jobs: Jobs = {}
        if recipe is not None:
            for count in counts:
                jobs |= plan_jobs(config, card, dataset, count, recipe.flags(count))
        record = _open(config, jobs)
        frozen = FrozenCurve(dataset, config.checkpoint, config.out, device)
        probed = frozen.measure(counts, config.draws)
        run_jobs(list(jobs.values()), record, config.jobs)
        tuned = _tested(config, jobs, record, dataset, device)
    failures = {job.key: record.why_failed(job) for job in jobs.values() if not record.done(job)}
    write_report(config.out, card, dataset, probed, tuned, failures)
    if failures:
        raise DataError(
            f"{len(failures)} of {len(jobs)} runs failed ({', '.join(list(failures)[:4])}); "
            f"{config.out / 'curve.md'} says why; the same command with --resume tries them again."
        )


def plan_jobs(
    config: CurveConfig, card: Card, dataset: Dataset, count: str, flags: dict[str, object]
) -> Jobs:
    """A pair of runs for each draw. Raises DataError for flags that a run would refuse."""
    jobs: Jobs = {}
    for draw in range(config.draws):
        for start in (PRETRAINED, SCRATCH):
            folder = config.out / RUNS / count / f"{start}-s{draw}"
            init = config.checkpoint
            if start == SCRATCH:
                init = scratch_file(config.checkpoint, config.out, draw)
            given = {
                **flags,
                "data": str(config.data),
                "out": str(folder),
                "init": str(init),
                "seed": draw,
                "labels_a_class": 0 if count == ALL else int(count),
                "image_size": card.input.window_px,
                "split_seed": dataset.split_seed,
                "accelerator": config.accelerator,
                "name": f"{dataset.info.name}, {count} labels a class, {start}, draw {draw}",
            }
            if config.dataset_info is not None:
                given["dataset_info"] = str(config.dataset_info)
            texts = [f"{dashed(name)}={_text(value)}" for name, value in given.items()]
            run, problem = parsed_run("finetune", texts)
            if problem:
                raise DataError(f"{count} labels a class: {problem}")
            cell = f"{count}/{start}"
            jobs[count, draw, start] = Job("finetune", cell, draw, folder, tuple(texts), None, run)
    return jobs


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _open(config: CurveConfig, jobs: Jobs) -> GridRecord:
    record = GridRecord(config.out)
    if record.path.exists() and not config.resume:
        raise DataError(
            f"{config.out} already holds a curve; give --resume to continue it, or choose another "
            "--out."
        )
    for job in jobs.values():
        assert job.config is not None
        refuse_other_values(job.folder / CONFIG_FILE, as_yaml(job.kind, job.config), job.kind)
    record.write()
    return record


def _tested(
    config: CurveConfig, jobs: Jobs, record: GridRecord, dataset: Dataset, device: torch.device
) -> dict[str, Values]:
    """{number of labels: {start: (draws, N)}} of the draws whose two runs are done."""
    task = Task(str(config.data), {}, "balanced_accuracy", {PLAIN: None})
    tester = Tester(task, dataset, device, config.out / SCORES_FILE)
    starts = (PRETRAINED, SCRATCH)
    pairs = [
        (count, draw)
        for count, draw in dict.fromkeys((count, draw) for count, draw, _ in jobs)
        if all(record.done(jobs[count, draw, start]) for start in starts)
    ]
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    with Progress("Testing", len(pairs)) as progress:
        for number, (count, draw) in enumerate(pairs, start=1):
            curves = found.setdefault(count, {start: [] for start in starts})
            for start in starts:
                (scored,) = tester.test(count, start, draw, jobs[count, draw, start].checkpoint)
                curves[start].append(scored.values)
            progress.update(number)
    return {
        count: {start: np.stack(each) for start, each in curves.items()}
        for count, curves in found.items()
    }
