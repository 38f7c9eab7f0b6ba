"""Frozen features of a checkpoint on a data folder: computed, probed and reported."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import DataError
from ssmamba.files import keep_json
from training.data.catalog import refuse_out
from training.data.dataset import Dataset, split_title
from training.evaluation.matching import dataset_for, refuse_overlap
from training.loop.batches import image_batches
from training.loop.progress import console
from training.probe.config import ProbeConfig
from training.probe.features import (
    embeddings,
    fold_scores,
    least_groups,
    linear_probe,
    neighbours,
    rank_me,
)
from training.probe.picture import draw_maps
from training.runs.device import make_fabric

BATCH = 32


def probe(config: ProbeConfig) -> None:
    """Measure and write probe.json and probe.png. Raises DataError."""
    refuse_out(config.data, config.out)
    encoder, card = checkpoint.load_encoder(config.checkpoint)
    dataset = dataset_for(card, config.data, config.split_seed, config.dataset_info)
    refuse_overlap(card, dataset, config.split, config.allow_overlap)
    _refuse_few_groups(config, dataset)
    fabric = make_fabric(config.accelerator, config.precision)
    images = dataset.images(config.split, card.input.window_px)
    with fabric.autocast():
        features = frozen_features(encoder.to(fabric.device), images, card.input)
    result, maps = _measure(config, dataset, features)
    result = {
        "checkpoint": str(config.checkpoint),
        "name": card.name,
        "pretraining": card.pretraining,
        "dataset": dataset.info.name,
        "split": config.split,
        "split_seed": dataset.split_seed,
        **result,
    }
    _tell(result)
    keep_json(config.out / "probe.json", result)
    title = f"{card.name}: frozen features, {split_title(config.split)}"
    draw_maps(maps, dataset, config.split, title).savefig(config.out / "probe.png", dpi=150)
    console.print(f"Wrote {config.out / 'probe.json'} and probe.png")


def _refuse_few_groups(config: ProbeConfig, dataset: Dataset) -> None:
    """Raise DataError, before any computation, for a class with too few groups for the folds."""
    least = least_groups(config.folds)
    labels, groups = dataset.labels(config.split), dataset.groups(config.split)
    counts = [len(np.unique(groups[labels == k])) for k in range(len(dataset.classes))]
    few = [
        f"{info.name} {n}"
        for info, n in zip(dataset.info.classes, counts, strict=True)
        if n < least
    ]
    if few:
        raise DataError(
            f"{config.folds} folds need {least} groups of images (or images without a group) of "
            f"each class in the {config.split} split: {', '.join(few)}; give fewer --folds or "
            "another --split."
        )


@torch.inference_mode()
def frozen_features(encoder: nn.Module, images: np.ndarray, spec: InputSpec) -> np.ndarray:
    """(N, F) float32, the input of a head, of images (N, S, S, 3) uint8."""
    encoder.eval()
    batches = image_batches(encoder, images, spec, BATCH)
    return np.concatenate([encoder(pixels).float().cpu().numpy() for pixels in batches])


def _measure(
    config: ProbeConfig, dataset: Dataset, features: np.ndarray
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    labels, groups = dataset.labels(config.split), dataset.groups(config.split)
    folded = (labels, groups, config.folds, config.seed)
    linear = linear_probe(features, *folded)
    near = neighbours(features, *folded, k=config.neighbours)
    result = {
        "n": len(labels),
        "features": features.shape[1],
        "folds": config.folds,
        "grouped": dataset.catalog.grouped,
        "linear": fold_scores(linear, *folded, config.resamples),
        "knn": {"k": config.neighbours, **fold_scores(near, *folded, config.resamples)},
        "rank_me": rank_me(features),
        "rank_me_most": min(features.shape),
    }
    return result, dict(embeddings(features, config.seed))


def _tell(result: dict[str, Any]) -> None:
    for name, title in (("linear", "Linear probe"), ("knn", f"{result['knn']['k']} neighbours")):
        found = result[name]
        low, high = found["accuracy_ci"]
        console.print(
            f"{title}: accuracy {found['accuracy']:.4f} [{low:.4f}, {high:.4f}], macro-F1 "
            f"{found['macro_f1']:.4f}, {result['folds']} folds (sd {found['fold_accuracy_sd']:.4f})"
        )
    console.print(f"RankMe {result['rank_me']:.1f} of {result['rank_me_most']}")
