"""Which test images each model of a grid gets right, and what of a difference is chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmamba import checkpoint
from ssmamba.card import file_sha256
from training.ablation.results import Result
from training.ablation.tables import FULL
from training.data.dataset import Dataset
from training.evaluate import class_order, write_json
from training.loop.progress import Progress
from training.metrics.classification import gap_over_seeds
from training.models import run_model

RESAMPLES = 1000


class Answers:
    """Right and wrong answers of checkpoints on the test split, kept in a file."""

    def __init__(self, kept: Path, dataset: Dataset, device: torch.device) -> None:
        self.kept, self.dataset, self.device = kept, dataset, device
        self.known = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}

    def right(self, path: Path) -> np.ndarray:
        """(N,) bool, in the order of the test split."""
        key = file_sha256(path)
        if key not in self.known:
            answers = self._ask(path)
            self.known[key] = "".join("01"[answer] for answer in answers.astype(int))
            write_json(self.kept, self.known)
        return np.array([digit == "1" for digit in self.known[key]])

    def _ask(self, path: Path) -> np.ndarray:
        found = checkpoint.load(path, self.device)
        order = class_order(found.card, self.dataset)
        images = self.dataset.images("test", found.card.input.window_px)
        logits, _ = run_model(found.model, images, found.card.input)
        right: np.ndarray = logits.argmax(1) == order[self.dataset.labels("test")]
        return right


def differences(results: dict[str, list[Result]], answers: Answers) -> dict[str, dict[str, Any]]:
    """Each cell's accuracy minus the full model's: {cell: {difference, difference_ci}}.

    Means over the seeds of a cell; the interval is bootstrapped over the groups of the test split
    and, where there are several, over the seeds.
    """
    if FULL not in results:
        return {}
    others = {cell: runs for cell, runs in results.items() if cell != FULL}
    with Progress("Comparing answers", len(others)) as progress:
        groups = answers.dataset.groups("test")
        full, found = _right(results[FULL], answers), {}
        for number, (cell, runs) in enumerate(others.items(), start=1):
            found[cell] = gap_over_seeds(_right(runs, answers), full, groups, RESAMPLES, seed=0)
            progress.update(number)
    return found


def _right(runs: Sequence[Result], answers: Answers) -> np.ndarray:
    """Which images each seed gets right, (seeds, N) bool."""
    return np.stack([answers.right(run.path) for run in runs])
