"""From cells and seeds to runs of training.pretrain and training.finetune."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from ssmamba.errors import DataError, SSMambaError, did_you_mean
from training.ablate.cells import all_cells, encoder_cells
from training.ablate.config import AblateConfig
from training.ablate.tables import PRETRAININGS, cells_of
from training.backbones.architectures import architecture
from training.cli.command import DEFAULT_RECIPE, parse
from training.cli.flag_errors import dashed
from training.config import FinetuneConfig, PretrainConfig, RunConfig, listed
from training.methods.pretraining import refuse_unfit as refuse_unfit_pretraining
from training.runs.folder import CONFIG_FILE

Kind = Literal["pretrain", "finetune"]
CONFIGS: dict[Kind, type[RunConfig]] = {"pretrain": PretrainConfig, "finetune": FinetuneConfig}


@dataclass(frozen=True)
class Job:
    """One run of a training command."""

    kind: Kind
    cell: str  # of CELLS, or of PRETRAININGS
    seed: int
    folder: Path
    flags: tuple[str, ...]
    needs: str | None  # key of the pre-training that it starts from
    config: RunConfig | None  # None when the command refuses the flags
    problem: str = ""  # the command's error message for them

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.cell}-s{self.seed}"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "best.safetensors"

    @property
    def epochs(self) -> int:
        """Epochs over all learning rates."""
        if self.config is None:
            return 0
        rates = self.config.rates() if isinstance(self.config, FinetuneConfig) else (0.0,)
        return self.config.epochs * len(rates)


def plan_jobs(config: AblateConfig, recipes: list[Path], dataset: str) -> list[Job]:
    """All runs of the grid: seed by seed, a pre-training before the runs that start from it.

    ``dataset``: readable name of the data set.
    """
    jobs: dict[str, Job] = {}
    cells = all_cells(config)
    for seed in config.seed_list():
        for name in chosen_cells(config):
            cell = cells[name]
            init: Job | None = None
            if cell.pretraining is not None:
                flags = PRETRAININGS[cell.pretraining]
                init = _job(config, recipes, "pretrain", cell.pretraining, seed, flags, None)
                jobs.setdefault(init.key, init)
            flags = ("--name", cell.name(dataset, seed), *cell.flags)
            job = _job(config, recipes, "finetune", name, seed, flags, init)
            jobs[job.key] = job
    return list(jobs.values())


def refuse_unfit(jobs: Sequence[Job]) -> None:
    """Raise DataError for a model that cannot be built or pre-trained with its flags.

    Each cell is checked once, unless one of its runs has begun already.
    """
    seen: set[tuple[str, str]] = set()
    for job in jobs:
        cell = (job.kind, job.cell)
        if job.config is None or cell in seen or (job.folder / CONFIG_FILE).exists():
            continue
        seen.add(cell)
        try:
            if isinstance(job.config, PretrainConfig):
                refuse_unfit_pretraining(job.config)
            elif job.needs is None and getattr(job.config, "init", None) is None:
                architecture(job.config)
        except SSMambaError as error:
            raise DataError(f"{cell[0]} of {cell[1]}: {error}") from error


def chosen_cells(config: AblateConfig) -> list[str]:
    """The cells of the tables, or those of them that --only names. Raises DataError."""
    tables = config.table_list()
    cells = cells_of(tables) + (list(encoder_cells(config)) if "4" in tables else [])
    only = listed(config.only)
    for name in only:
        if name not in cells:
            raise DataError(
                f"--only {config.only}: these tables have no cell '{name}'"
                f"{did_you_mean(name, cells)}."
            )
    return [name for name in cells if not only or name in only]


def _job(
    config: AblateConfig,
    recipes: list[Path],
    kind: Kind,
    cell: str,
    seed: int,
    own: tuple[str, ...],
    init: Job | None,
) -> Job:
    folder = config.out / kind / f"{cell}-s{seed}"
    flags = [*(f"--config={path}" for path in recipes), *_passed_on(config, kind)]
    flags += ["--out", str(folder), "--seed", str(seed)]
    flags += ["--tags", json.dumps({"cell": cell}), *own]
    if init is not None:
        flags += ["--init", str(init.checkpoint)]
    parsed, problem = parsed_run(kind, flags)
    needs = None if init is None else init.key
    return Job(kind, cell, seed, folder, tuple(flags), needs, parsed, problem)


def _passed_on(config: AblateConfig, kind: Kind) -> list[str]:
    """The grid's flags that its runs have too; --pretrain-epochs is a pre-training's --epochs."""
    given = vars(config)
    names = [f.name for f in fields(CONFIGS[kind]) if f.name not in ("out", "resume")]
    own = {name: f"{kind}_{name}" if f"{kind}_{name}" in given else name for name in names}
    values = {name: given.get(own[name]) for name in names}
    return [f"{dashed(name)}={value}" for name, value in values.items() if value is not None]


def parsed_run(kind: Kind, flags: list[str]) -> tuple[RunConfig | None, str]:
    """The run's config, or the error message of its command."""
    try:
        return parse(CONFIGS[kind], flags, kind, recipe=DEFAULT_RECIPE), ""
    except SSMambaError as error:
        return None, str(error)
