"""Scores of trained models on the tests of a task, image by image, so that they can be paired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from ssmamba.checkpoints.card import file_sha256
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.errors import CheckpointError
from training.ablate.answers import Stored
from training.backbones.classifiers import run_model
from training.data.dataset import Dataset
from training.evaluation.cams import METHOD, cam_each
from training.evaluation.mosaics import Mosaics, centre_tiles, make_mosaics
from training.metrics.calibration import softmax
from training.metrics.classification import auc_each, balanced_accuracy_each
from training.robustness.measure import Pictures, changed_pictures
from training.suite.config import MOSAICS, PLAIN, Task

EACH: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "balanced_accuracy": balanced_accuracy_each,
    "auc": auc_each,
}
MOSAIC_COUNT = 60
SEED = 0  # of changes and mosaics: the same for every model


@dataclass(frozen=True)
class Scored:
    """A test of a trained model: values whose mean is its score."""

    task: str
    test: str  # "plain", "mosaics", or a change of training.robustness with its level
    model: str
    seed: int
    data: str  # tests with the same data draw the same images in the bootstrap
    values: np.ndarray  # (N,)
    groups: np.ndarray  # (N,)


class Tester(Stored):
    """Tests of one task's models, each made once and kept in ``file``."""

    def __init__(self, task: Task, dataset: Dataset, device: torch.device, file: Path) -> None:
        super().__init__(file, dataset, device)
        self.task = task
        self.labels, self.groups = dataset.labels("test"), dataset.groups("test")

    def test(self, task: str, model: str, seed: int, path: Path) -> list[Scored]:
        """All tests of a checkpoint; without mosaics for a network that can have no CAM."""
        found = []
        for test, level in self.task.tests.items():
            name = test if level is None else f"{test} {level:g}"
            values = self.once(f"{file_sha256(path)} {name}", path, self._measure(test, level))
            if values is None:
                continue
            groups = np.array(values["groups"]) if "groups" in values else self.groups
            each = np.array(values["values"], float)
            found.append(Scored(task, name, model, seed, self.task.data, each, groups))
        return found

    def _measure(
        self, test: str, level: float | None
    ) -> Callable[[Checkpoint, np.ndarray], dict[str, list[float]] | None]:
        def measure(found: Checkpoint, order: np.ndarray) -> dict[str, list[float]] | None:
            if test == MOSAICS:
                return self._pointing(found, order)
            window = found.card.input.window_px
            if test == PLAIN:
                images = self.dataset.images("test", window)
            else:
                images = changed_pictures(self._pictures, test, level, window, SEED)
            logits, _ = run_model(found.model, images, found.card.input)
            each = EACH[self.task.score](softmax(logits), order[self.labels])
            return {"values": [round(float(value), 6) for value in each]}

        return measure

    @cached_property
    def _pictures(self) -> Pictures:
        """The test images at full size."""
        dataset = self.dataset
        images = dataset.images("test", dataset.full_side())
        return Pictures(images, self.labels, self.groups, dataset.stain_basis("auto"))

    def _pointing(self, found: Checkpoint, order: np.ndarray) -> dict[str, list[float]] | None:
        """1 for each CAM on a mosaic that peaks in its class's tiles; groups are the mosaics."""
        spec = found.card.input
        tiles = centre_tiles(self.dataset.images("test", spec.window_px))
        mosaics: Mosaics = make_mosaics(tiles, self.labels, MOSAIC_COUNT, SEED)
        truths = mosaics.truths(order)
        try:
            scores = cam_each(
                found.model, spec, mosaics.images, truths, METHOD, found.card.cam_stage
            )
        except CheckpointError:
            return None  # no CAM layer is known for the architecture
        groups = [float(row) for masks in truths.values() for row in masks]
        return {"values": [float(score["pointing"]) for score in scores], "groups": groups}
