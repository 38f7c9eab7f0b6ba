"""Calibration of a trained classifier: temperature, limits and feature statistics."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import Calibration
from ssmamba.inference.distance import fit_feature_statistics, mahalanobis
from ssmamba.inference.judge import normalised_entropy
from training.metrics.calibration import (
    distance_limit,
    entropy_limit,
    fit_temperature,
    softmax,
)

MEAN, PRECISION = "trust.mean", "trust.precision"  # names of the tensors in the checkpoint


def calibrate(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    val_logits: np.ndarray,
    val_features: np.ndarray,
    val_labels: np.ndarray,
) -> tuple[Calibration, dict[str, Tensor]]:
    """Fit on training features (N, F) and validation logits (M, K) and features (M, F).

    Returns the card's calibration and the tensors that go beside the weights.
    """
    temperature = fit_temperature(val_logits, val_labels)
    probabilities = softmax(val_logits, temperature)
    mean, precision = fit_feature_statistics(
        torch.from_numpy(train_features), torch.from_numpy(train_labels)
    )
    statistics = {MEAN: mean, PRECISION: precision}
    calibration = Calibration(
        temperature,
        entropy_limit(probabilities, val_labels),
        distance_limit(distances(val_features, statistics)),
    )
    return calibration, statistics


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
    """Share of answers that are marked "not sure" by entropy or distance, 0..1."""
    unsure = np.zeros(len(probabilities), dtype=bool)
    if calibration.entropy_limit is not None:
        unsure |= normalised_entropy(probabilities) > calibration.entropy_limit
    if calibration.distance_limit is not None and MEAN in statistics:
        unsure |= distances(features, statistics) > calibration.distance_limit
    return float(unsure.mean())
