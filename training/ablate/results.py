"""Results of a grid's finished runs, read from their cards, and the check of equal budgets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.checkpoints.card import Card, read_card
from ssmamba.errors import DataError
from training.ablate.jobs import Job
from training.ablate.record import GridRecord

WINDOW = "image_size"
# Entries of the card that must be equal in every row of the tables
BUDGET = (
    "epochs",
    "steps",
    "images_seen",
    "batch_size",
    "accumulate",
    WINDOW,
    "precision",
    "split_seed",
)


@dataclass(frozen=True)
class Result:
    """A finished fine-tuning."""

    cell: str
    seed: int
    path: Path
    card: Card

    def score(self, name: str) -> float:
        """A score on the test split: accuracy, macro_f1, or nll (nats, temperature applied)."""
        return float(self.card.metrics["test"][name])

    @property
    def lrs_tried(self) -> tuple[float, ...]:
        return tuple(sorted(float(entry["lr"]) for entry in self.card.training["lrs_tried"]))

    @property
    def pretraining(self) -> dict[str, Any] | None:
        """The pre-training's own budget."""
        return self.card.training.get("pretraining")


def read_results(jobs: list[Job], record: GridRecord) -> dict[str, list[Result]]:
    """Finished fine-tunings by cell, in the order of the jobs."""
    found: dict[str, list[Result]] = {}
    for job in jobs:
        if job.kind == "finetune" and record.done(job):
            result = Result(job.cell, job.seed, job.checkpoint, read_card(job.checkpoint))
            found.setdefault(job.cell, []).append(result)
    return found


def assert_equal_budgets(results: dict[str, list[Result]], encoders: Collection[str] = ()) -> None:
    """Raise DataError when two cells had different steps, images, rates or pre-trainings.

    Pre-trainings are compared between the cells that have one. ``encoders``: cells with a
    pre-training, and perhaps a window, of their own.
    """
    every = [result for runs in results.values() for result in runs]
    ours = [result for result in every if result.cell not in encoders]
    anywhere = tuple(name for name in BUDGET if name != WINDOW)
    _assert_same("fine-tuning", [(r, _budget(r.card.training, anywhere)) for r in every])
    _assert_same("fine-tuning", [(r, _budget(r.card.training, (WINDOW,))) for r in ours])
    _assert_same("fine-tuning", [(r, {"learning rates": r.lrs_tried}) for r in every])
    trained = [(r, {**_budget(p, BUDGET), "lr": p["lr"]}) for r in ours if (p := r.pretraining)]
    _assert_same("pre-training", trained)


def _budget(training: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: training[name] for name in names}


def _assert_same(what: str, budgets: list[tuple[Result, dict[str, Any]]]) -> None:
    for result, budget in budgets[1:]:
        first, expected = budgets[0]
        for name, value in budget.items():
            if value != expected[name]:
                raise DataError(
                    f"The budgets differ: {what} of {result.cell} (seed {result.seed}) had {name} "
                    f"{value}, that of {first.cell} (seed {first.seed}) {expected[name]}; start "
                    "a grid with one budget in another --out."
                )


def mean_sd(values: list[float]) -> tuple[float, float | None]:
    """Mean, and the sample standard deviation when there are at least two."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None
