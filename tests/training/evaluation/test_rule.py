"""The rule of "not sure": fitted, kept to its allowance, and measured on groups it has not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssmamba.checkpoints.card import Card
from ssmamba.errors import DataError
from ssmamba.inference.familiar import BACKGROUND
from training.evaluation.background import background_images, bare_glass, corner, fit_background
from training.evaluation.rule import Seen, cross_fitted, doubted, fit_rule, fit_statistics
from training.metrics.calibration import softmax

CENTRES = np.array([[4.0, 0, 0], [-4.0, 0, 0], [0, 4.0, 0]])
WEIGHTS = CENTRES.T * 0.5  # of the head that reads the last three features


def made(groups: int, seed: int, a_group: int = 3) -> Seen:
    """Images of three classes: four numbers of style, then three that the head reads."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(groups), a_group)
    labels = owner % 3
    shared = rng.normal(0, 1, (groups, 7))[owner]  # a group's images are alike
    values = 0.7 * shared + 0.7 * rng.normal(0, 1, (len(owner), 7))
    values[:, 4:] += CENTRES[labels] * 0.6
    features = values.astype(np.float32)
    return Seen((features[:, 4:] @ WEIGHTS).astype(np.float32), features, labels, owner)


@pytest.fixture(scope="module")
def statistics() -> dict:
    train = made(400, 0)
    return fit_statistics(train.features, train.labels, 4, None)


def test_features_that_hardly_differ_make_a_rule_too() -> None:
    train, held = made(60, 0), made(60, 1)
    small = replace(train, features=train.features * 1e-6)
    found = fit_statistics(small.features, small.labels, 4, None)
    assert all(bool(tensor.isfinite().all()) for tensor in found.values())
    limits = fit_rule(replace(held, features=held.features * 1e-6), found)
    assert limits.entropy_limit is not None and 0 <= limits.entropy_limit <= 1


def test_one_group_cannot_score_itself(statistics: dict) -> None:
    with pytest.raises(DataError, match="of one group"):
        cross_fitted(made(1, 1), statistics)


def test_new_groups_are_refused_as_seldom_as_is_allowed(statistics: dict) -> None:
    refused, wrong = [], []
    for seed in range(1, 9):
        card = Card(calibration=fit_rule(made(160, seed), statistics))
        new = made(400, 100 + seed)
        doubts = doubted(card, statistics, new.logits, new.features)
        mistaken = new.logits.argmax(1) != new.labels
        refused.append(doubts.mean())
        wrong.append(doubts[mistaken].mean())
    assert 0.03 < np.mean(refused) < 0.06
    assert np.mean(wrong) > 2 * np.mean(refused)


def test_cross_fitted_doubts_are_those_of_new_groups_and_answers_stay(statistics: dict) -> None:
    fits = made(200, 1)
    probabilities, doubts = cross_fitted(fits, statistics)
    assert probabilities.sum(1) == pytest.approx(np.ones(600))
    assert (probabilities.argmax(1) == fits.logits.argmax(1)).all()
    rule = fit_rule(fits, statistics)
    fitted = doubted(Card(calibration=rule), statistics, fits.logits, fits.features)
    assert 0 < doubts.mean() < 0.1 and 0 < fitted.mean() < 0.06
    again = cross_fitted(fits, statistics)
    assert (again[1] == doubts).all()


def test_what_one_fold_says_does_not_depend_on_its_own_labels(statistics: dict) -> None:
    fits = made(5, 1)
    other = fits.labels.copy()
    other[fits.groups == 0] = 2
    mine = fits.groups == 0
    before, after = (cross_fitted(s, statistics)[0] for s in (fits, replace(fits, labels=other)))
    np.testing.assert_array_equal(before[mine], after[mine])


def test_a_few_images_give_limits_too(statistics: dict) -> None:
    rule = fit_rule(made(3, 1, 1), statistics)
    assert rule.entropy_limit is not None and rule.entropy_limit >= 0.3
    assert rule.distance_limit is not None and rule.class_limit is not None
    assert rule.background_limit is None and rule.temperature > 0


def cells(count: int) -> np.ndarray:
    """Dark discs in the middle of a light, grainy ground."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :48] - 24
    pictures = rng.normal(220, 8, (count, 48, 48, 3))
    pictures[:, rows**2 + columns**2 < 100] -= 120
    return pictures.clip(0, 255).astype(np.uint8)


def test_background_is_what_is_around_the_cells_and_glass() -> None:
    rng = np.random.default_rng(0)
    pictures = background_images(cells(40), rng)
    assert pictures.shape == (40, 48, 48, 3) and pictures.dtype == np.uint8
    assert pictures.mean(axis=(1, 2, 3)).min() > 200  # no cell in any
    piece = corner(cells(1)[0], rng)
    assert (piece[:12, :12] == piece[:12, 23:11:-1]).all()  # mirrored, at its own scale
    assert bare_glass(48, rng).std() < 15


def test_the_regression_tells_background_from_the_training_images() -> None:
    rng = np.random.default_rng(0)
    known, nothing = rng.normal(0, 1, (300, 6)), rng.normal(0, 1, (100, 6))
    nothing[:, 0] += 4
    weights = fit_background(known.astype(np.float32), nothing.astype(np.float32)).numpy()
    found = np.concatenate([known, nothing]) @ weights[:-1] + weights[-1] > 0
    assert found[:300].mean() < 0.05 and found[300:].mean() > 0.9
    statistics = fit_statistics(known, np.arange(300) % 2, 0, nothing)
    assert statistics[BACKGROUND].shape == (7,)


def test_shares_of_a_rule_are_of_answers() -> None:
    from training.evaluation.calibration import shares_of_doubt

    right = softmax(np.array([[3.0, 0], [3, 0], [0, 3], [0, 3]]))
    found = shares_of_doubt(np.array([1, 0, 0, 0], bool), right, np.array([1, 1, 1, 1]))
    assert found == {"unsure": 0.25, "wrong_unsure": 0.5}
    assert shares_of_doubt(np.zeros(4, bool), right, np.array([0, 0, 1, 1])) == {"unsure": 0.0}
