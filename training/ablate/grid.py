"""A grid of models with equal budgets: missing runs are made, then the report is written."""

from __future__ import annotations

import shlex

from ssmamba.errors import DataError
from ssmamba.explain.methods import STAGES, find_method
from ssmamba.files import remove_partials
from ssmamba.lock import locked_folder, refuse_locked
from ssmamba.runtime.device import choose_device
from training.ablate.config import AblateConfig
from training.ablate.evidence import read_masks
from training.ablate.jobs import Job, chosen_cells, plan_jobs, refuse_unfit
from training.ablate.record import GRID_FILE, GridRecord, refuse_other_grid
from training.ablate.runner import run_jobs
from training.cli.command import config_files
from training.data.catalog import SPLITS, refuse_out
from training.data.dataset import Dataset, load_dataset
from training.loop.progress import console
from training.runs.folder import split_table

REPORT = "report"  # folder of the tables and figures in --out


def run_grid(config: AblateConfig, arguments: list[str]) -> None:
    """Make the missing runs, then write the report. Raises DataError when runs have failed."""
    from training.ablate.study import write_study  # seconds to import matplotlib

    _check(config)
    refuse_locked(config.out)
    refuse_used_grid(config)
    recipes = [path.resolve() for path in config_files(arguments)]
    dataset = load_dataset(
        config.data, config.split_seed, config.dataset_info, every_class_in=SPLITS
    )
    jobs = plan_jobs(config, recipes, dataset.info.name)
    refuse_unfit(jobs)
    if config.masks is not None:
        read_masks(config.masks, dataset, "test", side=8)  # fails now, not after hours of training
    with locked_folder(config.out):
        record = _open_grid(config, jobs, dataset)
        run_jobs(jobs, record, config.jobs)
        command = shlex.join(["python", "-m", "training.ablate", *arguments])
        path = write_study(config, jobs, record, dataset, command, config.out / REPORT)
    console.print(f"Wrote {path}")
    failed = [job.key for job in jobs if not record.done(job)]
    if failed:
        raise DataError(
            f"{len(failed)} of {len(jobs)} runs failed ({', '.join(failed[:4])}"
            f"{' …' if len(failed) > 4 else ''}); {config.out / REPORT / 'results.md'} says why; "
            "the same command with --resume tries them again."
        )


def _check(config: AblateConfig) -> None:
    config.seed_list()
    chosen_cells(config)
    find_method(config.cam)
    if config.cam_stage not in (0, *STAGES):
        raise DataError(
            f"There is no --cam-stage {config.cam_stage}; choose one of 1 to 4, or 0 for each "
            "model's own."
        )
    choose_device(config.accelerator)


def refuse_used_grid(config: AblateConfig) -> None:
    """Raise DataError when --out lies in the data or holds a grid without --resume."""
    refuse_out(config.data, config.out)
    if (config.out / GRID_FILE).exists() and not config.resume:
        raise DataError(
            f"{config.out} already holds a grid; give --resume to continue it, or choose another "
            "--out."
        )


def _open_grid(config: AblateConfig, jobs: list[Job], dataset: Dataset) -> GridRecord:
    refuse_used_grid(config)  # another process may have come and gone
    remove_partials(config.out)
    record, split = GridRecord(config.out), split_table(dataset)
    by_key = {job.key: job for job in jobs}
    for job in jobs:
        refuse_other_grid(job, by_key[job.needs] if job.needs else None, split)
    record.write()  # marks the folder as that of a grid
    return record
