"""Temperature and the limits behind "not sure", fitted on validation."""

from __future__ import annotations

import numpy as np
from scipy import special
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from ssmamba.inference.judge import DEFAULT_ENTROPY_LIMIT, normalised_entropy
from training.metrics.classification import nll

LOG_RANGE = (-3.0, 3.0)  # of the temperature's natural logarithm
KEPT = 97.5  # percentile of correct answers whose entropy must stay below the limit
NEAREST = 97.5  # percentile of validation distances that still count as familiar
MIN_WRONG = 10  # fewer wrong answers say little about where answers become wrong
MIN_IMAGES = 40  # fewer have no 97.5th percentile of their own


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(N, K) logits -> probabilities, float64."""
    return np.asarray(special.softmax(logits.astype(np.float64) / temperature, axis=1))


def wrong_answers(logits: np.ndarray, labels: np.ndarray) -> int:
    return int((logits.argmax(axis=1) != labels).sum())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the lowest NLL on (N, K) logits and (N,) labels; 1 when none helps.

    Where no answer is wrong, the surest temperature always fits best and says nothing: it is 1.
    With fewer than MIN_WRONG wrong answers, its logarithm is shrunk in proportion.
    """
    found = minimize_scalar(
        lambda log_t: nll(softmax(logits, float(np.exp(log_t))), labels),
        bounds=LOG_RANGE,
        method="bounded",
    )
    share = min(wrong_answers(logits, labels) / MIN_WRONG, 1.0)
    temperature = float(np.exp(found.x * share))
    better = nll(softmax(logits, temperature), labels) < nll(softmax(logits), labels)
    return temperature if better else 1.0


def entropy_limit(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Entropy above which an answer is not to be trusted.

    The 97.5th percentile over correct validation answers, nearer to that of a model without a limit
    the fewer than MIN_IMAGES they are; or a lower value above which most answers are wrong, if at
    least MIN_WRONG are wrong at all.
    """
    entropy = normalised_entropy(probabilities)
    right = probabilities.argmax(1) == labels
    share = min(right.sum() / MIN_IMAGES, 1.0)
    known = float(np.percentile(entropy[right], KEPT)) if right.any() else 0.0
    limit = float(share * known + (1 - share) * max(known, DEFAULT_ENTROPY_LIMIT))
    wrong = np.sort(entropy[~right])
    if len(wrong) >= MIN_WRONG:
        mostly_wrong = (value for value in wrong if right[entropy >= value].mean() < 0.5)
        limit = min(limit, float(next(mostly_wrong, limit)))
    return limit


def distance_limit(distances: np.ndarray) -> float:
    """Mahalanobis distance above which an input is foreign, from validation images' distances.

    Their 97.5th percentile; of fewer than MIN_IMAGES no less than the distance that one more image
    exceeds with that chance (prediction bound of a normal sample).
    """
    limit, count = float(np.percentile(distances, NEAREST)), len(distances)
    if not 1 < count < MIN_IMAGES:
        return limit
    spread = distances.std(ddof=1) * np.sqrt(1 + 1 / count)
    return max(limit, float(distances.mean() + student.ppf(NEAREST / 100, count - 1) * spread))
