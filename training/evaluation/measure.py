"""Scores of a checkpoint on a split of a data folder, as tables and as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import require_classes
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.errors import DataError
from ssmamba.models import MaskedModel
from ssmamba.reading.preprocess import resize_image
from training.augment.stain import StainJitter, jitter_stains
from training.backbones.classifiers import run_model
from training.config import EvaluateConfig
from training.data.dataset import Dataset, split_title
from training.evaluation.calibration import shares_of_doubt
from training.evaluation.matching import class_order, dataset_for, refuse_overlap
from training.evaluation.rule import doubted
from training.evaluation.tables import (
    class_table,
    confusion_table,
    reconstruction_table,
    score_table,
)
from training.loop.progress import console
from training.metrics.calibration import softmax
from training.metrics.classification import (
    accuracy,
    auc,
    auc_each,
    confusion_matrix,
    per_class,
    right_each,
    score_difference,
    score_with_intervals,
)
from training.metrics.reconstruction import average, margins, reconstruction_each
from training.runs.device import make_fabric


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure, print tables, and return what --out writes.

    Raises DataError when images are known from training, or when the classes do not fit.
    """
    if config.out is not None and config.out.is_dir():
        raise DataError(f"{config.out} is a folder; give a file name as --out.")
    found = checkpoint.load(config.checkpoint)
    dataset = dataset_for(found.card, config.data, config.split_seed, config.dataset_info)
    refuse_overlap(found.card, dataset, config.split, config.allow_overlap)
    fabric = make_fabric(config.accelerator, config.precision)
    model = found.model.to(fabric.device)
    if isinstance(model, MaskedModel):
        return _reconstruction(config, found, model, dataset)
    require_classes(found.card, config.checkpoint)
    order = class_order(found.card, dataset)
    with fabric.autocast():
        return _classification(config, found, model, dataset, order)


def _classification(
    config: EvaluateConfig,
    found: Checkpoint,
    model: nn.Module,
    dataset: Dataset,
    order: np.ndarray,
) -> dict[str, Any]:
    card = found.card
    images = split_images(config, dataset, card.input.window_px)
    labels, groups = order[dataset.labels(config.split)], dataset.groups(config.split)
    logits, features = run_model(model, images, card.input, config.batch_size)
    probabilities = softmax(logits, card.calibration.temperature)
    keys = tuple(c.key for c in card.classes)
    if config.split == "test" == card.metrics.get("calibration", {}).get("split"):
        console.print(
            "Temperature and limits were fitted on these images, so NLL, ECE and the share of "
            "unsure answers flatter the model a little; the card has them cross-fitted."
        )
    result: dict[str, Any] = {
        **_head(config, found, dataset),
        **score_with_intervals(probabilities, labels, groups, config.resamples, config.seed),
        **shares_of_doubt(doubted(card, found.extra, logits, features), probabilities, labels),
        "classes": list(keys),
        "per_class": per_class(probabilities, labels, keys),
        "confusion": confusion_matrix(probabilities.argmax(1), labels, len(keys)).tolist(),
    }
    names = card.class_names
    title = _title(config, found, len(labels))
    count = len(np.unique(groups))
    console.print(score_table(result, title + (f", {count} groups" if count < len(labels) else "")))
    console.print(class_table(result["per_class"], names))
    console.print(confusion_table(result["confusion"], names))
    if config.against == "forest":
        result["against"] = _against_forest(config, dataset, order, probabilities)
    return result


def _against_forest(
    config: EvaluateConfig, dataset: Dataset, order: np.ndarray, probabilities: np.ndarray
) -> dict[str, Any]:
    """The model against a forest trained on the train split, on the same images.

    The forest reads them at full size, where the colour histograms are sharpest.
    """
    from training.evaluation.forest import colour_histograms, forest_probabilities  # slow

    side = dataset.full_side()
    labels, groups = order[dataset.labels(config.split)], dataset.groups(config.split)
    train, test = dataset.images("train", side), split_images(config, dataset, side)
    known, asked = colour_histograms(train), colour_histograms(test)
    truth = order[dataset.labels("train")]
    other = forest_probabilities(known, truth, asked, len(order), config.seed)
    result: dict[str, Any] = {"name": "forest"}
    for title, metric, each in (("accuracy", accuracy, right_each), ("AUC", auc, auc_each)):
        if title == "AUC" and len(np.unique(labels)) < 2:
            continue
        gap = score_difference(
            probabilities, other, labels, groups, config.resamples, config.seed, each
        )
        result[title.lower()] = {"value": metric(other, labels), **gap}
        low, high = gap["difference_ci"]
        console.print(
            f"Colour-histogram forest: {title} {metric(other, labels):.4f}; model − forest "
            f"{gap['difference']:+.4f} [{low:+.4f}, {high:+.4f}]"
        )
    return result


def _reconstruction(
    config: EvaluateConfig, found: Checkpoint, model: MaskedModel, dataset: Dataset
) -> dict[str, Any]:
    spec = found.card.input
    images = split_images(config, dataset, spec.window_px)
    each = reconstruction_each(model, images, spec, config.seed, config.batch_size)
    scores = average(each)
    above = margins(each, dataset.groups(config.split), config.resamples, config.seed)
    console.print(reconstruction_table(scores, _title(config, found, len(images))))
    for name, gap in sorted(above.items()):
        (low, high), ssim = gap["psnr_ci"], gap["ssim"]
        console.print(
            f"model − {name.replace('_', ' ')}: {gap['psnr']:+.2f} dB [{low:+.2f}, {high:+.2f}], "
            f"SSIM {ssim:+.3f}"
        )
    mask = {"ratio": model.config.mask_ratio, "unit": model.config.mask_unit, "seed": config.seed}
    result = {"n": len(images), "mask": mask, "masked": scores, "margins": above}
    return _head(config, found, dataset) | result


def split_images(config: EvaluateConfig, dataset: Dataset, side: int) -> np.ndarray:
    """The split's images, (N, side, side, 3) uint8, with stain jitter if --stain-jitter is given.

    The jitter acts on the full image, as another stain would, before it is reduced.
    """
    if not dataset.indices(config.split):
        raise DataError(f"The {config.split} split is empty; give another --split.")
    if config.stain_jitter <= 0:
        return dataset.images(config.split, side)
    rng = np.random.default_rng([config.seed, 3])
    full = dataset.images(config.split, dataset.full_side())
    jitter = StainJitter(dataset.stain_basis(config.stain_basis), config.stain_jitter)
    return np.stack([resize_image(image, side) for image in jitter_stains(full, jitter, rng)])


def _head(config: EvaluateConfig, found: Checkpoint, dataset: Dataset) -> dict[str, Any]:
    return {
        "checkpoint": str(config.checkpoint),
        "sha256": found.sha256,
        "dataset": dataset.info.name,
        "split": config.split,
        "split_seed": dataset.split_seed,
        "stain_jitter": config.stain_jitter,
        "seed": config.seed,
        "overlap_allowed": config.allow_overlap,
    }


def _title(config: EvaluateConfig, found: Checkpoint, count: int) -> str:
    jitter = f", stain ±{config.stain_jitter:.0%}" if config.stain_jitter > 0 else ""
    return f"{found.card.name}: {split_title(config.split)}, {count} images{jitter}"
