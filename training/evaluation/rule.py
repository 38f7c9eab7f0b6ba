"""The rule of "not sure" of a classifier: fitted on images that chose nothing, and measured.

Temperature and limits are fitted together, as the rule as a whole has one allowance
(``training.metrics.calibration.rule_limit``). Whether an image is doubted is asked of the judge,
so training, ``evaluate``, the engine and ``predict`` agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import Calibration, Card
from ssmamba.errors import DataError
from ssmamba.inference.distance import fit_class_axes, fit_feature_statistics
from ssmamba.inference.familiar import (
    AXES,
    BACKGROUND,
    MEAN,
    PLACES,
    PRECISION,
    SPREAD,
    measures,
    second_opinion,
)
from ssmamba.inference.judge import doubts_of_windows
from ssmamba.inference.predictor import Prediction
from training.evaluation.background import fit_background
from training.metrics.calibration import (
    NEAREST,
    SURELY_SHOWN,
    distance_limit,
    fit_temperature,
    rule_limit,
    softmax,
)

FOLDS = 5
WIDTH = 16.0  # of the temperature of distances: towards it, and not 1, that of few is shrunk


@dataclass(frozen=True)
class Seen:
    """What a model made of N images of known class."""

    logits: np.ndarray  # (N, K) float32
    features: np.ndarray  # (N, F) float32, as logits_and_features gives them
    labels: np.ndarray  # (N,) int64
    groups: np.ndarray  # (N,) int64

    def rows(self, chosen: np.ndarray) -> Seen:
        return Seen(
            self.logits[chosen], self.features[chosen], self.labels[chosen], self.groups[chosen]
        )


def fit_statistics(
    features: np.ndarray, labels: np.ndarray, styles: int, background: np.ndarray | None
) -> dict[str, Tensor]:
    """The tensors to store beside the weights, from features (N, F) of the training images.

    styles: columns of the style, which come first; 0 where there is none, and all are compared.
    background: features of pictures of nothing (``training.evaluation.background``), if there are.
    """
    values, classes = torch.from_numpy(features), torch.from_numpy(labels)
    mean, precision = fit_feature_statistics(values[:, : styles or None], classes)
    found = fit_class_axes(values[:, styles:], classes)
    statistics = {
        MEAN: mean, PRECISION: precision,
        AXES: _halved(found.axes), PLACES: found.places, SPREAD: found.spread,
    }  # fmt: skip
    if background is not None:
        statistics[BACKGROUND] = fit_background(features[:, styles:], background[:, styles:])
    return statistics


def _halved(values: Tensor) -> Tensor:
    """float16 where it holds them; axes are long where features hardly differ."""
    halves = values.half()
    return halves if bool(halves.isfinite().all()) else values


def fit_rule(seen: Seen, statistics: dict[str, Tensor]) -> Calibration:
    """Temperature and limits from images that the weights were neither trained nor chosen on."""
    found, groups = measures(statistics, seen.features), seen.groups
    assert found.style is not None and found.unlike is not None and found.to_class is not None
    shown = found.background
    temperature = fit_temperature(seen.logits, seen.labels)
    by_distance = WIDTH * fit_temperature(-0.5 * found.to_class.numpy() / WIDTH, seen.labels)
    limits = Calibration(
        temperature=temperature,
        entropy_limit=1.0,  # refuses none
        distance_limit=distance_limit(found.style.numpy(), NEAREST, groups),
        class_temperature=by_distance,
        class_limit=distance_limit(found.unlike.numpy(), NEAREST, groups),
        background_limit=None
        if shown is None
        else max(0.0, float(np.percentile(shown.numpy(), SURELY_SHOWN))),
    )
    others = doubted(Card(calibration=limits), statistics, seen.logits, seen.features)
    first = softmax(seen.logits, temperature)
    both = (first + second_opinion(found.to_class, by_distance)) / 2
    right = first.argmax(1) == seen.labels
    return replace(limits, entropy_limit=rule_limit(both, right, others, groups))


def cross_fitted(seen: Seen, statistics: dict[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, K) and doubts (N,) bool of each image by a rule fitted without its group.

    The groups are dealt into FOLDS parts; fewer groups make fewer. Raises DataError for one group.
    """
    order = np.random.default_rng(0).permutation(np.unique(seen.groups))
    fold = np.empty(len(order), np.int64)
    fold[np.argsort(order)] = np.arange(len(order)) % FOLDS
    part = fold[np.unique(seen.groups, return_inverse=True)[1]]
    probabilities = np.empty(seen.logits.shape)
    doubts = np.zeros(len(seen.labels), bool)
    for number in np.unique(part):
        asked = part == number
        if asked.all():
            raise DataError(
                "All test images are of one group, so that none can be scored by a rule fitted "
                "without its group; test on images of several groups."
            )
        rule = fit_rule(seen.rows(~asked), statistics)
        own = seen.rows(asked)
        probabilities[asked] = softmax(own.logits, rule.temperature)
        doubts[asked] = doubted(Card(calibration=rule), statistics, own.logits, own.features)
    return probabilities, doubts


def doubted(
    card: Card, extra: dict[str, Tensor], logits: np.ndarray, features: np.ndarray
) -> np.ndarray:
    """Which answers the judge doubts, (N,) bool, of sharp pictures with tissue."""
    probabilities = softmax(logits, card.calibration.temperature)
    found = Prediction(probabilities, logits, features)
    return doubts_of_windows(card, extra, [""] * len(logits), found) > 0
