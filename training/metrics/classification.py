"""Scores of class probabilities, with intervals from a bootstrap over groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import rankdata

ECE_BINS = 15  # of equal width, over the confidence
LEVEL = (2.5, 97.5)  # percentiles of the intervals
SMALLEST = 1e-12
DIFFERENCE_DRAWS = 10  # resamples of a difference for each resample of a score

Metric = Callable[[np.ndarray, np.ndarray], float]  # probabilities (N, K), labels (N,)


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) counts; rows are the true classes."""
    flat = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float((probabilities.argmax(1) == labels).mean())


def class_f1(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """F1 of each class, (K,); NaN for a class that neither occurs nor is predicted."""
    counts = confusion_matrix(probabilities.argmax(1), labels, probabilities.shape[1])
    hits = np.diag(counts).astype(float)
    total = counts.sum(0) + counts.sum(1)
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def macro_f1(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(np.nanmean(class_f1(probabilities, labels)))


def balanced_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean recall of the classes that occur."""
    hits = probabilities.argmax(1) == labels
    return float(np.mean([hits[labels == k].mean() for k in np.unique(labels)]))


def auc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve, one class against the others, mean over the classes."""
    areas = []
    for k in np.unique(labels):
        positive = labels == k
        n, m = int(positive.sum()), int((~positive).sum())
        if m:
            ranks = rankdata(probabilities[:, k])
            areas.append((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))
    return float(np.mean(areas)) if areas else float("nan")


def nll(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Negative log likelihood in nats."""
    return float(nll_each(probabilities, labels).mean())


def nll_each(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) negative log likelihood of the true class of each image, nats."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.maximum(chosen, SMALLEST))


def brier(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Sum over the classes of the squared error (0..2)."""
    error = probabilities - np.eye(probabilities.shape[1])[labels]
    return float((error**2).sum(1).mean())


def ece(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error of the top class over ECE_BINS bins of equal width."""
    confidence = probabilities.max(1)
    hits = probabilities.argmax(1) == labels
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gap = np.bincount(bins, weights=hits - confidence, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(labels))


def balanced_accuracy_each(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) values whose mean is ``balanced_accuracy``.

    They spread about it as the score does when other images are drawn (its influence function), so
    a bootstrap of their mean is one of the score.
    """
    right = (probabilities.argmax(1) == labels).astype(float)
    return _each_about({int(k): right[labels == k] for k in np.unique(labels)}, labels)


def auc_each(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) values whose mean is ``auc``, as in ``balanced_accuracy_each`` (DeLong et al. 1988).

    labels must have two classes or more.
    """
    found = []
    for k in np.unique(labels):
        positive = labels == k
        ranks = rankdata(probabilities[:, k])
        above = np.empty(len(labels))  # share of the other side that an image is on the right of
        for side, others in ((positive, ~positive), (~positive, positive)):
            own = rankdata(probabilities[side, k])
            above[side] = (ranks[side] - own) / others.sum()
        above[~positive] = 1 - above[~positive]
        area = above[positive].mean()
        parts = {1: above[positive] - area / 2, 0: above[~positive] - area / 2}
        found.append(2 * _each_about(parts, positive.astype(int)))
    return np.mean(found, axis=0)


def _each_about(by_class: dict[int, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """(N,) values whose mean is the mean of the classes' means; no class counts for its size.

    by_class: the values of each class's images, in their order.
    """
    middles = {k: float(values.mean()) for k, values in by_class.items()}
    middle = float(np.mean(list(middles.values())))
    out = np.empty(len(labels))
    for k, values in by_class.items():
        weight = len(labels) / (len(by_class) * len(values))
        out[labels == k] = middle + weight * (values - middles[k])
    return out


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "auc": auc,
    "nll": nll,
    "brier": brier,
    "ece": ece,
}


def group_resamples(groups: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Draw whole groups with replacement; yields rows. groups: (N,) group numbers."""
    rng = np.random.default_rng([seed, 7])
    _, compact = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(compact == g) for g in range(int(compact.max()) + 1)]
    for _ in range(count):
        drawn = rng.integers(0, len(members), len(members))
        yield np.concatenate([members[g] for g in drawn])


def interval(values: list[float]) -> list[float]:
    """[low, high] of the middle 95 %."""
    low, high = np.nanpercentile(values, LEVEL)
    return [float(low), float(high)]


def mean_interval(values: np.ndarray, groups: np.ndarray, resamples: int, seed: int) -> list[float]:
    """[low, high] of the mean of (N,) values, bootstrapped by group; the mean without resamples."""
    draws = [float(values[rows].mean()) for rows in group_resamples(groups, resamples, seed)]
    return interval(draws or [float(values.mean())])


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """All metrics of probabilities (N, K) for labels (N,)."""
    return {name: metric(probabilities, labels) for name, metric in METRICS.items()}


def score_with_intervals(
    probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray, resamples: int, seed: int
) -> dict[str, Any]:
    """All metrics, each with ``<name>_ci`` = [low, high] bootstrapped by group."""
    result: dict[str, Any] = {"n": len(labels), "groups": len(np.unique(groups))}
    draws: dict[str, list[float]] = {name: [] for name in METRICS}
    for rows in group_resamples(groups, resamples, seed):
        for name, metric in METRICS.items():
            draws[name].append(metric(probabilities[rows], labels[rows]))
    for name, value in score(probabilities, labels).items():
        result[name] = value
        result[f"{name}_ci"] = interval(draws[name] or [value])
    return result


def score_difference(
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    resamples: int,
    seed: int,
    each: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> dict[str, Any]:
    """A score of ``first`` minus that of ``second`` (probabilities (N, K) on the same images), and
    its interval bootstrapped by group.

    each: (N,) values whose mean is the score, ``auc_each`` for one. Drawn ten times as often as
    asked: a mean is quick, and whether the interval contains zero depends on its ends (with 1,000
    draws they move by .002 from seed to seed).
    """
    gap = each(first, labels) - each(second, labels)
    ends = mean_interval(gap, groups, DIFFERENCE_DRAWS * resamples, seed)
    return {"difference": float(gap.mean()), "difference_ci": ends}


def right_each(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) 1 where the first class is right, else 0; their mean is ``accuracy``."""
    return (probabilities.argmax(1) == labels).astype(float)


def gap_over_seeds(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, resamples: int, seed: int
) -> dict[str, Any]:
    """Mean of ``first`` (S, N) minus that of ``second`` (T, N), scores of S and T trainings on the
    same N images; the interval draws groups of images and, on each side, trainings.

    The two sides draw their trainings independently, although seeds are shared: a shared seed can
    only make the true interval narrower.
    """
    rng = np.random.default_rng(seed)
    count = DIFFERENCE_DRAWS * resamples
    draws = [
        _drawn_mean(first[:, rows].mean(1), rng) - _drawn_mean(second[:, rows].mean(1), rng)
        for rows in group_resamples(groups, count, seed)
    ]
    gap = float(first.mean() - second.mean())
    return {"difference": gap, "difference_ci": interval(draws)}


def mean_over_seeds(
    values: np.ndarray, groups: np.ndarray, resamples: int, seed: int
) -> list[float]:
    """[low, high] of the mean of (S, N) values: of S trainings or draws on the same N images.

    Draws groups of images and trainings. For paired differences give their (S, N) differences.
    """
    return interval(draws_over_seeds(values, groups, resamples, seed).tolist())


def draws_over_seeds(
    values: np.ndarray, groups: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
    """The means that ``mean_over_seeds`` drew, in order."""
    rng = np.random.default_rng(seed)
    count = DIFFERENCE_DRAWS * resamples
    resampled = group_resamples(groups, count, seed)
    return np.array([_drawn_mean(values[:, rows].mean(1), rng) for rows in resampled])


def _drawn_mean(means: np.ndarray, rng: np.random.Generator) -> float:
    """Mean of S trainings drawn with replacement from their S means.

    The variance of a plain draw is (S - 1) / S of that of the mean of S trainings, so its distance
    from the middle is multiplied by the square root of the inverse.
    """
    count = len(means)
    if count == 1:
        return float(means[0])
    middle = float(means.mean())
    drawn = float(means[rng.integers(0, count, count)].mean())
    return middle + (count / (count - 1)) ** 0.5 * (drawn - middle)


def per_class(
    probabilities: np.ndarray, labels: np.ndarray, keys: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """{class key: {n, precision, recall, f1}}."""
    counts = confusion_matrix(probabilities.argmax(1), labels, len(keys))
    f1 = class_f1(probabilities, labels)
    table = {}
    for k, key in enumerate(keys):
        n, predicted = int(counts[k].sum()), int(counts[:, k].sum())
        table[key] = {
            "n": n,
            "precision": counts[k, k] / predicted if predicted else 0.0,
            "recall": counts[k, k] / n if n else 0.0,
            "f1": 0.0 if np.isnan(f1[k]) else float(f1[k]),
        }
    return table
