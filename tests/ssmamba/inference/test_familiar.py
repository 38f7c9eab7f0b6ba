"""How far windows are from the classes, from all training images, and from their background."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import Calibration, Card, card_from_json
from ssmamba.inference.distance import DIRECTIONS, class_distances, fit_class_axes
from ssmamba.inference.familiar import (
    AXES,
    BACKGROUND,
    MEAN,
    PLACES,
    PRECISION,
    SPREAD,
    familiarity,
)

CENTRES = torch.tensor([[6.0, 0, 0, 0], [-6.0, 0, 0, 0], [0, 6.0, 0, 0]])


def classes(count: int = 900, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Three round classes in four dimensions."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    return torch.randn(count, 4, generator=generator) + CENTRES[labels], labels


def test_distances_to_classes_are_those_of_two_gaussians() -> None:
    values, labels = classes()
    to_class, to_all = class_distances(values, fit_class_axes(values, labels))
    mean = torch.stack([values[labels == k].mean(0) for k in range(3)])
    within, every = torch.cov((values - mean[labels]).T), torch.cov(values.T)
    gap = values[:, None] - mean
    expected = torch.einsum("nkf,fg,nkg->nk", gap, torch.linalg.inv(within), gap)
    off = values - values.mean(0)
    whole = torch.einsum("nf,fg,ng->n", off, torch.linalg.inv(every), off)
    torch.testing.assert_close(to_class, expected, rtol=0.02, atol=0.1)
    torch.testing.assert_close(to_all, whole, rtol=0.02, atol=0.1)


def test_what_lies_between_the_classes_is_unlike_them_and_what_lies_in_one_is_not() -> None:
    values, labels = classes()
    axes = fit_class_axes(values, labels)
    to_class, to_all = class_distances(torch.cat([CENTRES, CENTRES.mean(0)[None]]), axes)
    relative = to_class.amin(1) - to_all
    assert (relative[:3] < 0).all() and relative[3] > 5
    assert to_class[:3].argmin(1).tolist() == [0, 1, 2]


def test_a_few_directions_are_kept_of_many_features() -> None:
    values, labels = torch.randn(60, 80, generator=torch.Generator().manual_seed(0)), None
    labels = torch.arange(60) % 2
    found = fit_class_axes(values, labels)
    assert found.axes.shape == (81, DIRECTIONS) and found.places.shape == (2, DIRECTIONS)
    assert (found.spread.diff() <= 1e-5).all()
    assert all(torch.isfinite(part).all() for part in found)


def test_style_comes_first_in_the_features_and_what_the_head_reads_last() -> None:
    values, labels = classes()
    axes = fit_class_axes(values, labels)
    extra = {
        MEAN: torch.zeros(1, 2), PRECISION: torch.eye(2),
        AXES: axes.axes.half(), PLACES: axes.places, SPREAD: axes.spread,
        BACKGROUND: torch.tensor([0.0, 0, 0, 1, -2]),
    }  # fmt: skip
    limits = Calibration(
        distance_limit=2.0, class_temperature=1.0, class_limit=0.0, background_limit=0.5
    )
    features = torch.cat([torch.tensor([[0.0, 4.0], [0, 0]]), CENTRES[:2]], 1)
    features[1, 5] = 3.0
    found = familiarity(Card(calibration=limits), extra, features.numpy())
    assert found.distance == pytest.approx([2.0, 0.0])
    assert found.background == pytest.approx([-2.5, 0.5])
    assert found.second is not None and found.second.argmax(1).tolist() == [0, 1]
    assert found.second.sum(1) == pytest.approx([1, 1])
    assert found.unlike is not None and found.unlike[0] < 0


def test_files_of_older_versions_have_the_style_alone() -> None:
    extra = {MEAN: torch.zeros(1, 2), PRECISION: torch.eye(2)}
    card = Card(calibration=Calibration(distance_limit=2.0))
    found = familiarity(card, extra, np.ones((3, 7), np.float32))
    assert found.distance is not None and len(found.distance) == 3
    assert found.unlike is None and found.background is None and found.second is None


def test_limits_that_a_card_does_not_have_are_not_written() -> None:
    """So that older programs read it."""
    assert "class_limit" not in Card().to_json()
    card = Card(calibration=Calibration(class_limit=-1.5, class_temperature=20.0))
    assert card_from_json(card.to_json()).calibration == card.calibration
    assert "background_limit" not in card.to_json()
