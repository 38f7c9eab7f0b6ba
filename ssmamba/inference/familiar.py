"""How far windows are from what a model was trained on, by the statistics in its checkpoint.

Each is None where the checkpoint has no statistics for it; files of older versions have the
distance of the style alone. See ``ssmamba.inference.distance`` for the distances. The background is
told by a logistic regression on what the head reads, between the training images and what surrounds
their cells (``training.evaluation.background``); only models of single cells have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import Card
from ssmamba.inference.distance import ClassAxes, class_distances, mahalanobis

# Names of the tensors in a checkpoint.
MEAN, PRECISION = "trust.mean", "trust.precision"
AXES, PLACES, SPREAD = "trust.axes", "trust.places", "trust.spread"
BACKGROUND = "trust.background"  # (F + 1,): weights and bias
NAMES = (MEAN, PRECISION, AXES, PLACES, SPREAD, BACKGROUND)


@dataclass(frozen=True)
class Measures:
    """Of N windows, as measured; float32."""

    style: Tensor | None  # (N,) Mahalanobis distance of the style
    to_class: Tensor | None  # (N, K) squared Mahalanobis distance to each class
    unlike: Tensor | None  # (N,) relative Mahalanobis distance to the nearest class
    background: Tensor | None  # (N,) logit of a window that shows none of the classes


@dataclass(frozen=True)
class Familiarity:
    """Of N windows, beside the limits of the card; float64."""

    distance: np.ndarray | None  # (N,) of the style, in units of its limit
    unlike: np.ndarray | None  # (N,) relative distance to the classes minus its limit
    background: np.ndarray | None  # (N,) logit of background minus its limit
    second: np.ndarray | None  # (N, K) a second opinion: probabilities by the distances to classes


def measures(extra: dict[str, Tensor], features: np.ndarray) -> Measures:
    """Of windows by their features (N, F) as ``Predictor`` gives them.

    The style comes first in them and what the head reads last; in models without a style they are
    the same columns.
    """
    known = {name: tensor.float().cpu() for name, tensor in extra.items() if name in NAMES}
    style = to_class = unlike = background = None
    with torch.inference_mode():
        values = torch.from_numpy(features)
        if MEAN in known and PRECISION in known:
            mean = known[MEAN]
            style = mahalanobis(values[:, : mean.shape[1]], mean, known[PRECISION])
        if {AXES, PLACES, SPREAD} <= known.keys():
            classes = ClassAxes(known[AXES], known[PLACES], known[SPREAD])
            to_class, to_all = class_distances(_last(values, len(classes.axes) - 1), classes)
            unlike = to_class.amin(1) - to_all
        if BACKGROUND in known:
            weights = known[BACKGROUND]
            background = _last(values, len(weights) - 1) @ weights[:-1] + weights[-1]
    return Measures(style, to_class, unlike, background)


def familiarity(card: Card, extra: dict[str, Tensor], features: np.ndarray) -> Familiarity:
    """Of windows by their features (N, F), by the limits of the card."""
    limits, found = card.calibration, measures(extra, features)
    distance = second = None
    if found.style is not None and limits.distance_limit:
        distance = found.style.double().numpy() / limits.distance_limit
    if found.to_class is not None and limits.class_temperature is not None:
        second = second_opinion(found.to_class, limits.class_temperature)
    unlike = _above(found.unlike, limits.class_limit)
    return Familiarity(distance, unlike, _above(found.background, limits.background_limit), second)


def second_opinion(to_class: Tensor, temperature: float) -> np.ndarray:
    """Probabilities (N, K) float64 of classes by the squared distances (N, K) to them."""
    return (-0.5 * to_class.double() / temperature).softmax(1).numpy()


def _last(features: Tensor, count: int) -> Tensor:
    return features[:, features.shape[1] - count :]


def _above(values: Tensor | None, limit: float | None) -> np.ndarray | None:
    return None if values is None or limit is None else values.double().numpy() - limit
