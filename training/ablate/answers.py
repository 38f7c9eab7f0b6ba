"""Answers of a grid's models on the test images, and differences between them with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import file_sha256
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.files import read_json, write_json
from training.ablate.results import Result
from training.ablate.tables import FULL
from training.backbones.classifiers import run_model
from training.data.dataset import Dataset
from training.evaluation.matching import class_order
from training.loop.progress import Progress
from training.metrics.calibration import softmax
from training.metrics.classification import gap_over_seeds, nll_each

RESAMPLES = 1000
Measure = Callable[[Checkpoint, np.ndarray], Any]  # the second is class_order


class Stored:
    """Measurements of checkpoints on a data set, stored in a JSON file: each is made once."""

    def __init__(self, file: Path, dataset: Dataset, device: torch.device) -> None:
        self.file, self.dataset, self.device = file, dataset, device
        self.known: dict[str, Any] = read_json(file) or {}

    def once(self, key: str, path: Path, measure: Measure) -> Any:
        """The value stored under ``key``; measured on the checkpoint ``path`` if there is none."""
        if key not in self.known:
            found = checkpoint.load(path, self.device)
            self.known[key] = measure(found, class_order(found.card, self.dataset))
            write_json(self.file, self.known)
        return self.known[key]


@dataclass(frozen=True)
class Answered:
    """Answers of one checkpoint on the N images of the test split, in its order."""

    right: np.ndarray  # (N,) bool
    nll: np.ndarray  # (N,) negative log likelihood of the true class, nats, temperature applied


class Answers(Stored):
    """Answers of checkpoints on the test split, stored by the checkpoint's SHA-256."""

    def of(self, path: Path) -> Answered:
        stored = self.once(file_sha256(path), path, self._ask)
        right = np.array([digit == "1" for digit in stored["right"]])
        return Answered(right, np.array(stored["nll"].split(), float))

    def _ask(self, found: Checkpoint, order: np.ndarray) -> dict[str, str]:
        labels = order[self.dataset.labels("test")]
        images = self.dataset.images("test", found.card.input.window_px)
        logits, _ = run_model(found.model, images, found.card.input)
        nll = nll_each(softmax(logits, found.card.calibration.temperature), labels)
        return {
            "right": "".join("01"[answer] for answer in (logits.argmax(1) == labels).astype(int)),
            "nll": " ".join(f"{value:.3g}" for value in nll),
        }


def differences(results: dict[str, list[Result]], answers: Answers) -> dict[str, dict[str, Any]]:
    """Each cell's accuracy and NLL minus the full model's.

    {cell: {difference, difference_ci, nll_difference, nll_difference_ci}}: means over the seeds of
    a cell; the intervals are bootstrapped over the groups of the test split and, where there are
    several, over the seeds.
    """
    if FULL not in results:
        return {}
    others = {cell: runs for cell, runs in results.items() if cell != FULL}
    with Progress("Comparing answers", len(others)) as progress:
        groups = answers.dataset.groups("test")
        full, found = _scores(results[FULL], answers), {}
        for number, (cell, runs) in enumerate(others.items(), start=1):
            pairs = zip(_scores(runs, answers), full, strict=True)
            right, nll = (gap_over_seeds(own, its, groups, RESAMPLES, seed=0) for own, its in pairs)
            found[cell] = right | {f"nll_{name}": value for name, value in nll.items()}
            progress.update(number)
    return found


def _scores(runs: Sequence[Result], answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Correctness and NLL of each seed's answers, (seeds, N) each."""
    found = [answers.of(run.path) for run in runs]
    return np.stack([one.right for one in found]), np.stack([one.nll for one in found])
