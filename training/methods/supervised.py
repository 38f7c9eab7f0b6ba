"""Supervised training of a classifier: its images, batches with Mixup, loss and validation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.reading.preprocess import to_tensor
from training.augment.mixup import mixup, soft_targets
from training.backbones.classifiers import run_model
from training.config import FinetuneConfig
from training.data.dataset import Dataset
from training.loop.batches import on_device
from training.loop.task import Score
from training.metrics.calibration import softmax
from training.metrics.classification import accuracy, macro_f1, nll
from training.runs.recipe import make_recipe

Pair = tuple[Tensor, Tensor]  # pixels (B, 3, H, W), targets (B, K)


class Supervised:
    """Batches, loss and validation of a classifier.

    Args:
        train: (N, S, S, 3) uint8 of the train split, larger than the window.
        spec: input of the network.
        device: the model's.
    """

    def __init__(
        self,
        config: FinetuneConfig,
        dataset: Dataset,
        train: np.ndarray,
        spec: InputSpec,
        device: torch.device,
    ) -> None:
        self.config, self.dataset, self.spec, self.device = config, dataset, spec, device
        self.train, self.val = train, dataset.images("val", config.image_size)
        self.train_labels, self.val_labels = dataset.labels("train"), dataset.labels("val")
        self.recipe = make_recipe(config, dataset)
        balanced = balancing_weights(self.train_labels, len(dataset.classes))
        self.weights = balanced.to(device) if config.class_weights else None

    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> Pair:
        """A batch of training images by their rows; the same for the same ``rng``."""
        config, labels = self.config, self.train_labels[rows]
        crops = self.recipe.crops(self.train, rows, rng)
        pixels = to_tensor(self.recipe.perturb(crops, rng), self.spec)
        targets = soft_targets(labels, len(self.dataset.classes), config.label_smoothing)
        return mixup(pixels, targets, config.mixup, rng)

    def loss(self, model: nn.Module, batch: Pair) -> Tensor:
        """Cross-entropy of a batch, a scalar."""
        pixels, targets = on_device(batch, self.device)
        if self.config.freeze:
            model.eval()  # BatchNorm and drop path of the encoder as in use
        return nn.functional.cross_entropy(model(pixels).float(), targets, weight=self.weights)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Metrics on the validation images."""
        logits, _ = run_model(model, self.val, self.spec)
        probabilities, labels = softmax(logits), self.val_labels
        return {
            "macro_f1": macro_f1(probabilities, labels),
            "accuracy": accuracy(probabilities, labels),
            "nll": nll(probabilities, labels),
        }


def balancing_weights(labels: np.ndarray, classes: int) -> Tensor:
    """Class weights inverse to the image counts, (K,) float32 with mean 1."""
    weights = 1.0 / np.maximum(np.bincount(labels, minlength=classes), 1)
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def selection_score(metrics: dict[str, float]) -> Score:
    """Macro-F1 first; between equals the lower NLL."""
    return round(metrics["macro_f1"], 9), -metrics["nll"]
