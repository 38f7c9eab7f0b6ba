"""Calibration of a trained classifier: temperature, limits of "Not sure", stage of its CAMs."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration, Card, read_card, require_features
from ssmamba.errors import CheckpointError
from ssmamba.inference.distance import fit_feature_statistics, mahalanobis
from ssmamba.inference.judge import normalised_entropy
from training.backbones.classifiers import run_model
from training.config import CalibrateConfig
from training.data.aside import held_aside
from training.data.dataset import Dataset
from training.evaluation.cams import best_stage, pointing_by_stage, tell_without_cams
from training.evaluation.matching import dataset_for, refuse_another_split
from training.metrics.calibration import (
    distance_limit,
    entropy_limit,
    fit_temperature,
    softmax,
    wrong_answers,
)
from training.metrics.classification import score
from training.runs.card import refuse_name

MEAN, PRECISION = "trust.mean", "trust.precision"  # names of the tensors in the checkpoint


def recalibrate(config: CalibrateConfig) -> Card:
    """Fit a classifier's calibration again, write it to --out, and return its card.

    Fits on the checkpoint's own training and validation images, of the latter on those that were
    held aside where some were; the weights stay as they are.
    Raises CheckpointError for a file that is not a classifier of these classes and images.
    """
    refuse_name(config.out)
    require_features(read_card(config.checkpoint), config.checkpoint)
    found = checkpoint.load(config.checkpoint)
    tell_without_cams(found.model, found.card.input.window_px)
    dataset = dataset_for(found.card, config.data, None, config.dataset_info)
    refuse_another_split(found.card, config.checkpoint, dataset)
    share = float(found.card.training.get("hold_aside", 0.0))
    card, statistics = calibrated(found.model, found.card, held_aside(dataset, share)[1])
    try:
        checkpoint.save(config.out, found.model, card, {**found.extra, **statistics})
    except CheckpointError:
        print(json.dumps(asdict(card.calibration), indent=2))  # the fit is not lost with the disk
        raise
    return card


def calibrated(model: nn.Module, card: Card, dataset: Dataset) -> tuple[Card, dict[str, Tensor]]:
    """The card with calibration, CAM stage and test scores, and the tensors to store beside the
    weights.

    Fits on training and validation images; the test split is scored with the fitted values.
    """
    spec = card.input
    val, test = (dataset.images(split, spec.window_px) for split in ("val", "test"))
    calibration, statistics, rests_on = _fit(model, card, dataset, val)
    labels = dataset.labels("test")
    logits, features = run_model(model, test, spec)
    probabilities = softmax(logits, calibration.temperature)
    pointing = pointing_by_stage(model, spec, val, dataset.labels("val"))
    metrics = {
        **card.metrics,
        "test": {
            "n": len(labels),
            **score(probabilities, labels),
            "unsure": unsure_share(probabilities, features, calibration, statistics),
        },
        "calibration": rests_on,
        "cam": {"pointing": {str(stage): share for stage, share in pointing.items()}},
    }
    done = card.with_(calibration=calibration, cam_stage=best_stage(pointing), metrics=metrics)
    return done, statistics


def _fit(
    model: nn.Module, card: Card, dataset: Dataset, val: np.ndarray
) -> tuple[Calibration, dict[str, Tensor], dict[str, int]]:
    """The card's calibration, the tensors to store beside the weights, and what it rests on.

    val: validation images, (N, S, S, 3) uint8.
    """
    known = run_model(model, dataset.images("train", card.input.window_px), card.input)[1]
    labels = torch.from_numpy(dataset.labels("train"))
    mean, precision = fit_feature_statistics(torch.from_numpy(known), labels)
    statistics = {MEAN: mean, PRECISION: precision}
    logits, features = run_model(model, val, card.input)
    val_labels = dataset.labels("val")
    temperature = fit_temperature(logits, val_labels)
    unsure = entropy_limit(softmax(logits, temperature), val_labels)
    foreign = distance_limit(distances(features, statistics))
    rests_on = {"n": len(val_labels), "wrong": wrong_answers(logits, val_labels)}
    return Calibration(temperature, unsure, foreign), statistics, rests_on


def distances(features: np.ndarray, statistics: dict[str, Tensor]) -> np.ndarray:
    """(N, F) features -> (N,) distance to the nearest class."""
    found = mahalanobis(torch.from_numpy(features), statistics[MEAN], statistics[PRECISION])
    return found.numpy()


def unsure_share(
    probabilities: np.ndarray,
    features: np.ndarray,
    calibration: Calibration,
    statistics: dict[str, Tensor],
) -> float:
    """Share of answers marked "not sure" by entropy or distance, 0..1."""
    unsure = np.zeros(len(probabilities), dtype=bool)
    if calibration.entropy_limit is not None:
        unsure |= normalised_entropy(probabilities) > calibration.entropy_limit
    if calibration.distance_limit is not None and MEAN in statistics:
        unsure |= distances(features, statistics) > calibration.distance_limit
    return float(unsure.mean())
