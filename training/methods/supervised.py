"""Supervised training of a classifier: its images, batches with Mixup, loss and validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ssmamba.checkpoints.card import InputSpec
from ssmamba.reading.preprocess import to_tensor
from training.augment.mixup import mixup, soft_targets
from training.augment.recipe import Recipe
from training.backbones.classifiers import run_model
from training.config import FinetuneConfig
from training.data.dataset import Dataset
from training.loop.batches import on_device
from training.loop.fit import Score
from training.metrics.calibration import softmax
from training.metrics.classification import accuracy, macro_f1, nll
from training.runs.recipe import make_recipe, training_images

Pair = tuple[Tensor, Tensor]  # pixels (B, 3, H, W), targets (B, K)


@dataclass(frozen=True)
class Material:
    """The images of a run, in memory."""

    dataset: Dataset
    recipe: Recipe
    train: np.ndarray  # (N, S, S, 3) uint8, larger than the window
    val: np.ndarray  # (M, window, window, 3) uint8
    train_labels: np.ndarray
    val_labels: np.ndarray


def load_images(config: FinetuneConfig, dataset: Dataset) -> Material:
    return Material(
        dataset,
        make_recipe(config, dataset),
        training_images(config, dataset),
        dataset.images("val", config.image_size),
        dataset.labels("train"),
        dataset.labels("val"),
    )


def batch_maker(
    config: FinetuneConfig, material: Material, spec: InputSpec
) -> Callable[[np.ndarray, np.random.Generator], Pair]:
    classes = len(material.dataset.classes)

    def make(rows: np.ndarray, rng: np.random.Generator) -> Pair:
        crops = material.recipe.crops(material.train, rows, rng)
        pixels = to_tensor(material.recipe.perturb(crops, rng), spec)
        targets = soft_targets(material.train_labels[rows], classes, config.label_smoothing)
        return mixup(pixels, targets, config.mixup, rng)

    return make


def loss_function(
    config: FinetuneConfig, fabric: Fabric, material: Material
) -> Callable[[nn.Module, Pair], Tensor]:
    weights = _class_weights(material) if config.class_weights else None
    if weights is not None:
        weights = weights.to(fabric.device)

    def loss(model: nn.Module, batch: Pair) -> Tensor:
        pixels, targets = on_device(batch, fabric.device)
        if config.freeze:
            model.eval()  # BatchNorm and drop path of the encoder as in use
        return nn.functional.cross_entropy(model(pixels).float(), targets, weight=weights)

    return loss


def _class_weights(material: Material) -> Tensor:
    """Weights against the counts, (K,) float32 with mean 1."""
    counts = np.bincount(material.train_labels, minlength=len(material.dataset.classes))
    weights = 1.0 / np.maximum(counts, 1)
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def validate(model: nn.Module, material: Material, spec: InputSpec) -> dict[str, float]:
    logits, _ = run_model(model, material.val, spec)
    probabilities, labels = softmax(logits), material.val_labels
    return {
        "macro_f1": macro_f1(probabilities, labels),
        "accuracy": accuracy(probabilities, labels),
        "nll": nll(probabilities, labels),
    }


def selection_score(metrics: dict[str, float]) -> Score:
    """Macro-F1 first; between equals the lower NLL."""
    return round(metrics["macro_f1"], 9), -metrics["nll"]
