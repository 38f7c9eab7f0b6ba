"""Scores on numbers that can be checked by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, roc_auc_score

from training.metrics.classification import (
    auc,
    auc_each,
    balanced_accuracy,
    balanced_accuracy_each,
    brier,
    ece,
    gap_over_seeds,
    group_resamples,
    macro_f1,
    mean_interval,
    nll,
    per_class,
    right_each,
    score_difference,
    score_with_intervals,
)

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 300)
PROBABILITIES = (
    RNG.dirichlet(np.ones(4), 300) * 0.5
    + 0.5 * np.eye(4)[np.where(RNG.random(300) < 0.7, LABELS, RNG.integers(0, 4, 300))]
)


def test_scores_agree_with_scikit_learn() -> None:
    predicted = PROBABILITIES.argmax(1)
    assert macro_f1(PROBABILITIES, LABELS) == pytest.approx(
        f1_score(LABELS, predicted, average="macro")
    )
    assert balanced_accuracy(PROBABILITIES, LABELS) == pytest.approx(
        balanced_accuracy_score(LABELS, predicted)
    )
    assert nll(PROBABILITIES, LABELS) == pytest.approx(log_loss(LABELS, PROBABILITIES))
    assert auc(PROBABILITIES, LABELS) == pytest.approx(
        roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr")
    )


def test_ece_of_known_numbers() -> None:
    # Ten answers at 0.95, eight right: |0.8 - 0.95|; ten at 0.55, six right: |0.6 - 0.55|.
    first = np.tile([0.95, 0.05], (10, 1))
    second = np.tile([0.55, 0.45], (10, 1))
    labels = np.array([0] * 8 + [1] * 2 + [0] * 6 + [1] * 4)
    assert ece(np.vstack([first, second]), labels) == pytest.approx(0.5 * 0.15 + 0.5 * 0.05)


def test_certain_right_answers_have_no_error() -> None:
    sure = np.eye(4)[LABELS]
    assert ece(sure, LABELS) == 0 and brier(sure, LABELS) == 0 and nll(sure, LABELS) == 0
    assert brier(np.eye(2)[[1, 0]], np.array([0, 1])) == 2


def test_resamples_take_groups_whole() -> None:
    groups = np.array([0, 0, 0, 1, 2, 2])
    for rows in group_resamples(groups, 50, 0):
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[1] == counts[2] and counts[4] == counts[5]
        assert counts[0] + counts[3] + counts[4] == 3


def test_intervals_hold_the_value_and_widen_with_groups() -> None:
    single = score_with_intervals(PROBABILITIES, LABELS, np.arange(300), 200, 0)
    grouped_rows = np.repeat(np.arange(75), 4)
    rows = np.repeat(np.arange(75), 4)  # four copies of each image
    copied = score_with_intervals(PROBABILITIES[rows], LABELS[rows], grouped_rows, 200, 0)
    alone = score_with_intervals(PROBABILITIES[rows], LABELS[rows], np.arange(300), 200, 0)
    for result in (single, copied):
        low, high = result["accuracy_ci"]
        assert low <= result["accuracy"] <= high
    assert copied["groups"] == 75
    assert np.ptp(copied["accuracy_ci"]) > 1.5 * np.ptp(alone["accuracy_ci"])


def test_the_interval_of_a_mean_draws_whole_groups() -> None:
    """Two groups of one and three images: a draw is one group twice, or both once."""
    values, groups = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0, 1, 1, 1])
    assert mean_interval(values, groups, 400, 0) == [0.0, 1.0]
    assert mean_interval(values, np.zeros(4), 400, 0) == [0.75, 0.75]  # one group never varies
    assert mean_interval(values, groups, 0, 0) == [0.75, 0.75]  # none drawn: the mean itself


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    other = PROBABILITIES.copy()
    other[:10] = np.eye(4)[(LABELS[:10] + 1) % 4]
    found = score_difference(PROBABILITIES, other, LABELS, np.arange(300), 300, 0, right_each)
    right = (PROBABILITIES[:10].argmax(1) == LABELS[:10]).sum() / 300
    assert found["difference"] == pytest.approx(right)
    low, high = found["difference_ci"]
    assert 0 <= low < found["difference"] < high < 0.07


def test_a_class_that_is_never_predicted() -> None:
    table = per_class(np.tile([0.9, 0.1], (4, 1)), np.array([0, 0, 1, 1]), ("a", "b"))
    assert table["a"] == {"n": 2, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3)}
    assert table["b"] == {"n": 2, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_few_trainings_vary_as_a_mean_of_as_many_does() -> None:
    """Two trainings, 0 and 1: a plain draw would end at 0 and 1, a stretched one beyond."""
    two = np.stack([np.zeros(50), np.ones(50)])
    found = gap_over_seeds(two, np.full((1, 50), 0.5), np.arange(50), 100, 0)
    assert found["difference"] == 0.0
    np.testing.assert_allclose(found["difference_ci"], [-(0.5**0.5), 0.5**0.5])


def test_scores_as_means_of_values_spread_as_the_scores_do() -> None:
    """A bootstrap of the values' mean is one of AUC or balanced accuracy."""
    rng = np.random.default_rng(0)
    labels = (rng.random(300) < 0.3).astype(int)
    right = rng.normal(labels, 1)
    probabilities = np.stack([-right, right], 1)
    draws = list(group_resamples(np.arange(300), 300, seed=0))
    for each, score_of in ((auc_each, auc), (balanced_accuracy_each, balanced_accuracy)):
        values = each(probabilities, labels)
        assert values.mean() == pytest.approx(score_of(probabilities, labels))
        spread = np.std([score_of(probabilities[rows], labels[rows]) for rows in draws])
        assert np.std([values[rows].mean() for rows in draws]) == pytest.approx(spread, rel=0.05)


def test_the_auc_of_several_classes_is_a_mean_of_values_too() -> None:
    rng = np.random.default_rng(1)
    labels, probabilities = rng.integers(0, 3, 60), rng.random((60, 3)).round(1)
    assert auc_each(probabilities, labels).mean() == pytest.approx(auc(probabilities, labels))
