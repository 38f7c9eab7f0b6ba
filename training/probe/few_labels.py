"""Probes of frozen features with few labels: what a handful of labelled images a class teaches.

The labelled images and the ones that are asked share no group. All features answer the same draws
of the same images, so that their differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.data.few import draw
from training.metrics.classification import mean_over_seeds
from training.probe.features import logistic_regression, nearest_neighbours

LABELS = 16  # labelled images a class
DRAWS = 10  # of the labelled images
NEIGHBOURS = 10
STRENGTH = 0.1  # C of the logistic regression: too few labels to choose it by
RESAMPLES = 200
PROBES: dict[str, Callable[[int], Any]] = {  # unfitted, for a number of labelled images
    "linear": lambda _: logistic_regression(STRENGTH),
    # standardised: by the angle of raw histograms their few common bins decide (PBC: .32, not .73)
    "knn": lambda labelled: make_pipeline(
        StandardScaler(), nearest_neighbours(min(NEIGHBOURS, labelled))
    ),
}


@dataclass(frozen=True)
class Images:
    """Class and group numbers of images, (N,) each."""

    labels: np.ndarray
    groups: np.ndarray

    def some(self, rows: np.ndarray) -> Images:
        return Images(self.labels[rows], self.groups[rows])


@dataclass(frozen=True)
class Features:
    """Features of the images that lend labels, (P, F), and of those that are asked, (N, F)."""

    known: np.ndarray
    asked: np.ndarray


def answers(
    features: Features, known: Images, asked: Images, a_class: int, draws: int, seed: int
) -> dict[str, np.ndarray]:
    """{probe: (draws, N)}: 1 for a right answer and 0 for a wrong one, times a weight.

    The weight gives every class the same share, so that a mean is a balanced accuracy.
    """
    counts = np.bincount(asked.labels)
    weights = len(asked.labels) / (np.count_nonzero(counts) * counts[asked.labels])
    found: dict[str, list[np.ndarray]] = {name: [] for name in PROBES}
    for number in range(draws):
        rng = np.random.default_rng([seed, a_class, number])
        rows = draw(known.labels, known.groups, a_class, rng)
        for name, unfitted in PROBES.items():
            probe = unfitted(len(rows)).fit(features.known[rows], known.labels[rows])
            found[name].append(weights * (probe.predict(features.asked) == asked.labels))
    return {name: np.stack(each) for name, each in found.items()}


def score(values: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Balanced accuracy of answers (draws, N), and its interval over draws and groups."""
    ends = mean_over_seeds(values, groups, RESAMPLES, seed=0)
    return {"balanced_accuracy": float(values.mean()), "balanced_accuracy_ci": ends}


def difference(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Balanced accuracy of ``first`` minus that of ``second``, paired: draw by draw, image by
    image."""
    gap = first - second
    ends = mean_over_seeds(gap, groups, RESAMPLES, seed=0)
    return {"difference": float(gap.mean()), "difference_ci": ends}
