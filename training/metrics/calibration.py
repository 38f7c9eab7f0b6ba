"""Temperature and the limits behind "not sure", fitted on validation."""

from __future__ import annotations

import numpy as np
from scipy import special
from scipy.optimize import minimize_scalar

from ssmamba.inference.judge import normalised_entropy
from training.metrics.classification import nll

LOG_RANGE = (-3.0, 3.0)  # of the temperature's natural logarithm
KEPT = 97.5  # percentile of correct answers whose entropy must stay below the limit
NEAREST = 97.5  # percentile of validation distances that still count as familiar
MIN_WRONG = 10  # fewer wrong answers say nothing about where answers become wrong


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(N, K) logits -> probabilities, float64."""
    return np.asarray(special.softmax(logits.astype(np.float64) / temperature, axis=1))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the lowest NLL on (N, K) logits and (N,) labels; 1 when none helps."""
    found = minimize_scalar(
        lambda log_t: nll(softmax(logits, float(np.exp(log_t))), labels),
        bounds=LOG_RANGE,
        method="bounded",
    )
    temperature = float(np.exp(found.x))
    better = nll(softmax(logits, temperature), labels) < nll(softmax(logits), labels)
    return temperature if better else 1.0


def entropy_limit(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Entropy above which an answer is not to be trusted.

    The 97.5th percentile over correct validation answers, or a lower value above which most
    answers are wrong, if at least MIN_WRONG are wrong at all.
    """
    entropy = normalised_entropy(probabilities)
    right = probabilities.argmax(1) == labels
    limit = float(np.percentile(entropy[right], KEPT)) if right.any() else 0.5
    wrong = np.sort(entropy[~right])
    if len(wrong) >= MIN_WRONG:
        mostly_wrong = (value for value in wrong if right[entropy >= value].mean() < 0.5)
        limit = min(limit, float(next(mostly_wrong, limit)))
    return limit


def distance_limit(distances: np.ndarray) -> float:
    """Mahalanobis distance above which an input is foreign, from validation images' distances."""
    return float(np.percentile(distances, NEAREST))
