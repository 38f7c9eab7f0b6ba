"""The frozen half of the curve: a logistic regression on features that do not change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ssmamba.checkpoints.card import InputSpec, file_sha256
from ssmamba.checkpoints.checkpoint import load_encoder
from ssmamba.files import read_json, write_json
from ssmamba.models.batchnorm import reestimate_bn
from training.curve.config import ALL
from training.curve.scratch import scratch_file
from training.data.dataset import Dataset
from training.data.few import few_rows
from training.loop.batches import image_batches
from training.loop.progress import Progress
from training.metrics.classification import balanced_accuracy_each
from training.probe.features import logistic_regression
from training.probe.few_labels import STRENGTH
from training.probe.guard import Sample
from training.probe.measure import frozen_features

BATCH = 32
FROZEN, RANDOM, COLOUR = "frozen", "random", "colour"
Values = dict[str, np.ndarray]  # curve: (draws, N), means are balanced accuracies


class FrozenCurve:
    """Probes of the test images, draw by draw; every draw is measured once and kept in ``file``.

    Each draw has random weights of its own, those from which it is fine-tuned from scratch.
    """

    def __init__(self, dataset: Dataset, checkpoint: Path, out: Path, device: torch.device) -> None:
        self.dataset, self.checkpoint, self.out, self.device = dataset, checkpoint, out, device
        self.file = out / "frozen.json"
        self.known: dict[str, list[float]] = read_json(self.file) or {}
        self.sha256 = file_sha256(checkpoint)
        self.labels, self.asked = dataset.labels("train"), dataset.labels("test")
        self._pixels: tuple[np.ndarray, np.ndarray] | None = None
        self._shared: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def measure(self, counts: tuple[str, ...], draws: int) -> dict[str, Values]:
        """{number of labels: {curve: (draws, N)}}."""
        found: dict[str, dict[str, list[list[float]]]] = {count: {} for count in counts}
        with Progress("Probing frozen features", draws) as progress:
            for draw in range(draws):
                self._shared.pop(RANDOM, None)
                for count in counts:
                    for name in (FROZEN, RANDOM, COLOUR):
                        values = self._once(name, count, draw)
                        found[count].setdefault(name, []).append(values)
                progress.update(draw + 1)
        return {
            count: {name: np.array(each) for name, each in curves.items()}
            for count, curves in found.items()
        }

    def _once(self, name: str, count: str, draw: int) -> list[float]:
        # with all labels the draws of what does not depend on a seed are one
        at = 0 if count == ALL and name != RANDOM else draw
        key = f"{self.sha256} {name} {count} {at}"
        if key not in self.known:
            self.known[key] = [round(float(v), 6) for v in self._probe(name, count, at)]
            write_json(self.file, self.known)
        return self.known[key]

    def _probe(self, name: str, count: str, draw: int) -> np.ndarray:
        known, asked = self._features(name, draw)
        rows = np.arange(len(self.labels))
        if count != ALL:
            rows = few_rows(self.dataset, int(count), draw)
        probe = logistic_regression(STRENGTH).fit(known[rows], self.labels[rows])
        return balanced_accuracy_each(probe.predict_proba(asked), self.asked)

    def _features(self, name: str, draw: int) -> tuple[np.ndarray, np.ndarray]:
        """(P, F) of the training images and (N, F) of the test images."""
        if name not in self._shared:
            self._shared[name] = self._computed(name, draw)
        return self._shared[name]

    def _computed(self, name: str, draw: int) -> tuple[np.ndarray, np.ndarray]:
        if name == COLOUR:
            splits = [(split, np.arange(len(self.dataset.indices(split)))) for split in SPLITS]
            known, asked = (Sample(self.dataset, *each).histograms() for each in splits)
            return known, asked
        path = self.checkpoint if name == FROZEN else scratch_file(self.checkpoint, self.out, draw)
        encoder, card = load_encoder(path, self.device)
        if self._pixels is None:
            train, test = (self.dataset.images(split, card.input.window_px) for split in SPLITS)
            self._pixels = train, test
        if name == RANDOM:
            read_clean(encoder, self._pixels[0], card.input)
        known, asked = (frozen_features(encoder, each, card.input) for each in self._pixels)
        return known, asked


SPLITS = ("train", "test")


def read_clean(encoder: nn.Module, images: np.ndarray, spec: InputSpec) -> None:
    """Give the BatchNorm of an untrained encoder the statistics of images (N, S, S, 3) uint8."""
    chosen = images[np.linspace(0, len(images) - 1, min(len(images), 8 * BATCH)).astype(int)]
    reestimate_bn(encoder, image_batches(encoder, chosen, spec, BATCH))
