"""Flags of training.suite, and the file that lists its models and tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from ssmamba.errors import DataError, did_you_mean
from training.cli.yaml_file import read_yaml
from training.config import Accelerator, listed
from training.robustness.changes import CHANGES

PLAIN, MOSAICS = "plain", "mosaics"  # tests besides the changes of training.robustness
SCORES = ("balanced_accuracy", "auc")
Score = Literal["balanced_accuracy", "auc"]


@dataclass(frozen=True, kw_only=True)
class SuiteConfig:
    """Fine-tune models on a suite of tasks, and compare each with the first one."""

    data: Path  # folder of the data folders that the suite names
    out: Path  # folder of the runs and of suite.md
    # YAML file of models and tasks; default: resources/configs/suite.yaml
    suite: Path | None = None
    # only these models, "ssmamba,resnet"; the first is what others are compared with; "" = all
    models: str = ""
    tasks: str = ""  # only these tasks, "idc,pbc-16"; "" = all
    seeds: str = "0,1,2"  # random seeds of weights, order, augmentation, and of few labels
    jobs: int = 1  # runs at the same time
    resume: bool = False  # continue the suite in --out, or add models, tasks and seeds to it
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one


@dataclass(frozen=True)
class Task:
    """What models are trained on, and how the trained ones are tested."""

    data: str  # data folder, below --data
    flags: dict[str, Any]  # of training.finetune
    score: Score
    tests: dict[str, float | None]  # "plain", "mosaics", or a change of training.robustness: level


@dataclass(frozen=True)
class Suite:
    models: dict[str, dict[str, Any]]  # flags of training.finetune by name; the first is compared
    tasks: dict[str, Task]
    flags: dict[str, Any] = field(default_factory=dict)  # of all runs


def read_suite(config: SuiteConfig) -> Suite:
    """The models and tasks that are asked for. Raises DataError."""
    file = config.suite or resources.files("resources") / "configs" / "suite.yaml"
    raw = read_yaml(file, "check --suite")
    _known(raw, ("models", "tasks", "finetune"), f"{file}")
    for name in ("models", "tasks"):
        if not isinstance(raw.get(name), dict) or not raw[name]:
            raise DataError(f"{file} has no {name}; see resources/configs/suite.yaml.")
    models = _chosen(raw["models"], config.models, "--models")
    tasks = _chosen(raw["tasks"], config.tasks, "--tasks")
    return Suite(
        {name: dict(flags or {}) for name, flags in models.items()},
        {name: _task(entry, f"{file}: {name}") for name, entry in tasks.items()},
        dict(raw.get("finetune") or {}),
    )


def _chosen(entries: dict[str, Any], asked: str, flag: str) -> dict[str, Any]:
    names = listed(asked)
    _known(names, entries, flag)
    return {name: entries[name] for name in names or entries}


def _task(entry: Any, where: str) -> Task:
    if not isinstance(entry, dict) or not isinstance(entry.get("data"), str):
        raise DataError(f"{where} must name its data; see resources/configs/suite.yaml.")
    _known(entry, ("data", "finetune", "score", "tests"), where)
    score = entry.get("score", SCORES[0])
    _known([score], SCORES, where)
    tests = entry.get("tests") or {PLAIN: None}
    _known(tests, (PLAIN, MOSAICS, *CHANGES), where)
    for name, level in tests.items():
        if name in CHANGES and not isinstance(level, int | float):
            raise DataError(f"{where}: {name} needs a level, such as {CHANGES[name].levels[0]:g}.")
    return Task(entry["data"], dict(entry.get("finetune") or {}), score, dict(tests))


def _known(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise DataError for the first name that is not known."""
    there = list(known)
    for name in names:
        if name not in there:
            raise DataError(f"{where}: unknown '{name}'{did_you_mean(str(name), there)}.")
