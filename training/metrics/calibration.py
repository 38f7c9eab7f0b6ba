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
NEAREST = 98.75  # percentile of each of two distances that still counts as familiar
FAMILIAR = 97.5  # the same where there is one distance alone
MOST_DOUBTED = 0.05  # of the images on which the limits are fitted, for whatever reason
MANY_WRONG = 0.1  # from this share on, as many answers are refused as are mostly wrong
LEAST_UNSURE = 0.01  # of them, doubted by their entropy alone
SURELY_SHOWN = 99.75  # percentile of images of the classes that are not called background
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
    known = float(np.percentile(entropy[right], KEPT)) if right.any() else 0.0
    return _with_mistakes(_of_few(known, int(right.sum())), entropy, right)


def rule_limit(
    probabilities: np.ndarray, right: np.ndarray, doubted: np.ndarray, groups: np.ndarray
) -> float:
    """Entropy above which an answer is not to be trusted, beside the other reasons for doubt.

    probabilities: (N, K) whose entropy is limited; right: (N,) bool, of the answers; doubted: (N,)
    bool, the images that another reason has refused; groups: (N,). With the limit the rule as a
    whole refuses MOST_DOUBTED of new groups' images; by their entropy at least LEAST_UNSURE. Of few
    images, or where more answers than MANY_WRONG are wrong, as ``entropy_limit``.
    """
    entropy, weights = normalised_entropy(probabilities), _by_group(groups)
    count = weights.sum()
    most = MOST_DOUBTED * (count + 1) - 1 - weights[doubted].sum()
    left = ~doubted
    known = _weighted_limit(entropy[left], weights[left], max(most, LEAST_UNSURE * count))
    limit = _of_few(known, len(entropy))
    return _with_mistakes(limit, entropy, right) if (~right).mean() > MANY_WRONG else limit


def _by_group(groups: np.ndarray) -> np.ndarray:
    """Weights (N,) with which each group counts as one."""
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / sizes[numbers])


def _weighted_limit(values: np.ndarray, weights: np.ndarray, above: float) -> float:
    """The least of some values beyond which no more than the weight ``above`` lies."""
    if not len(values):
        return 0.0
    order = np.argsort(-values)
    beyond = np.cumsum(weights[order]) > above
    return float(values[order][int(beyond.argmax())] if beyond.any() else values.min())


def _of_few(known: float, count: int) -> float:
    share = min(count / MIN_IMAGES, 1.0)
    return float(share * known + (1 - share) * max(known, DEFAULT_ENTROPY_LIMIT))


def _with_mistakes(limit: float, entropy: np.ndarray, right: np.ndarray) -> float:
    """The limit, or a lower one above which most answers are wrong."""
    wrong = np.sort(entropy[~right])
    if len(wrong) >= MIN_WRONG:
        mostly_wrong = (value for value in wrong if right[entropy >= value].mean() < 0.5)
        limit = min(limit, float(next(mostly_wrong, limit)))
    return limit


def distance_limit(
    distances: np.ndarray, familiar: float = FAMILIAR, groups: np.ndarray | None = None
) -> float:
    """Distance above which an input is foreign, from the distances (N,) of images that are not.

    Their percentile ``familiar``. With groups (N,), of which each counts as one, the limit that an
    image of a new group exceeds with the chance that is left (conformal: the new one is counted as
    beyond it). Where they are too few for a percentile, no less than the distance that one more
    image exceeds with that chance (prediction bound of a normal sample).
    """
    chance = 1 - familiar / 100
    if groups is None:
        limit, count = float(np.percentile(distances, familiar)), len(distances)
    else:
        weights, count = _by_group(groups), len(np.unique(groups))
        limit = _weighted_limit(distances, weights, max(0.0, chance * (count + 1) - 1))
    if not (len(distances) > 1 and count < 1 / chance):
        return limit
    count = len(distances)
    spread = distances.std(ddof=1) * np.sqrt(1 + 1 / count)
    return max(limit, float(distances.mean() + student.ppf(familiar / 100, count - 1) * spread))
