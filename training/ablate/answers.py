"""What each model of a grid says of the test images, and what of a difference is chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import file_sha256
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


@dataclass(frozen=True)
class Answered:
    """What one checkpoint says of the N images of the test split."""

    right: np.ndarray  # (N,) bool
    nll: np.ndarray  # (N,) negative log likelihood of the true class, nats, temperature applied


class Answers:
    """Answers of checkpoints on the test split, kept in a file by the checkpoint's SHA-256."""

    def __init__(self, kept: Path, dataset: Dataset, device: torch.device) -> None:
        self.kept, self.dataset, self.device = kept, dataset, device
        found = read_json(kept) or {}
        # files of before held the right answers alone; those are asked for again
        self.known = {key: value for key, value in found.items() if isinstance(value, dict)}

    def of(self, path: Path) -> Answered:
        """In the order of the test split."""
        key = file_sha256(path)
        if key not in self.known:
            found = self._ask(path)
            self.known[key] = {
                "right": "".join("01"[answer] for answer in found.right.astype(int)),
                "nll": " ".join(f"{value:.3g}" for value in found.nll),
            }
            write_json(self.kept, self.known)
        kept = self.known[key]
        right = np.array([digit == "1" for digit in kept["right"]])
        return Answered(right, np.array(kept["nll"].split(), float))

    def _ask(self, path: Path) -> Answered:
        found = checkpoint.load(path, self.device)
        labels = class_order(found.card, self.dataset)[self.dataset.labels("test")]
        images = self.dataset.images("test", found.card.input.window_px)
        logits, _ = run_model(found.model, images, found.card.input)
        probabilities = softmax(logits, found.card.calibration.temperature)
        return Answered(logits.argmax(1) == labels, nll_each(probabilities, labels))


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
    """Right answers and NLL of each seed, (seeds, N) each."""
    found = [answers.of(run.path) for run in runs]
    return np.stack([one.right for one in found]), np.stack([one.nll for one in found])
