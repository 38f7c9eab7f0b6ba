"""Survival against hand-worked numbers, lifelines and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ssmamba.errors import DataError
from training.slides.questions import quadratic_kappa
from training.slides.survival import (
    bin_edges,
    bin_of,
    c_index,
    kaplan_meier,
    likelihood_loss,
    log_rank,
    outliving,
    risk,
)


def test_bins_hold_equally_many_events():
    times = np.arange(1.0, 13.0)
    events = np.ones(12, bool)
    edges = bin_edges(times, events, 4)
    assert edges.tolist() == [3, 6, 9]
    assert np.bincount(bin_of(times, edges)).tolist() == [3, 3, 3, 3]
    assert bin_of(np.array([0.0, 3.0, 3.1, 99.0]), edges).tolist() == [0, 0, 1, 3]


def test_censored_times_make_no_bins():
    times = np.array([1.0, 2, 3, 4, 100, 200])
    events = np.array([1, 1, 1, 1, 0, 0], bool)
    assert bin_edges(times, events, 2).tolist() == [2]
    with pytest.raises(DataError, match="Only 0 different times"):
        bin_edges(times, np.zeros(6, bool), 2)


def test_many_events_at_one_time_still_make_bins():
    times = np.array([5.0] * 10 + [6, 7])
    edges = bin_edges(times, np.ones(12, bool), 3)
    assert len(np.unique(edges)) == 2


def test_likelihood_by_hand():
    """Hazards .2, .5, .25: F = .8, .4, .3 (Eq. 2)."""
    logits = torch.logit(torch.tensor([0.2, 0.5, 0.25]))
    assert outliving(logits.numpy()[None])[0] == pytest.approx([0.8, 0.4, 0.3], abs=1e-6)
    for at, alive in enumerate([0.8, 0.4, 0.3]):
        assert float(likelihood_loss(logits, at, False)) == pytest.approx(
            -math.log(alive), abs=1e-5
        )
    for at, (before, hazard) in enumerate([(1.0, 0.2), (0.8, 0.5), (0.4, 0.25)]):
        expected = -math.log(before) - math.log(hazard)
        assert float(likelihood_loss(logits, at, True)) == pytest.approx(expected, abs=1e-5)
    assert risk(logits.numpy()[None])[0] == pytest.approx(-1.5, abs=1e-6)


def test_extreme_logits_have_a_finite_loss():
    for value in (-80.0, 80.0):
        logits = torch.full((3,), value, requires_grad=True)
        for event in (False, True):
            loss = likelihood_loss(logits, 1, event)
            loss.backward()
            assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()


def harrell(times, risks, events) -> float:
    right = pairs = 0.0
    for i in range(len(times)):
        for j in range(len(times)):
            first = times[i] < times[j] or (times[i] == times[j] and not events[j])
            if i != j and events[i] and first and not (times[i] == times[j] and events[j]):
                pairs += 1
                right += 1.0 if risks[i] > risks[j] else 0.5 if risks[i] == risks[j] else 0.0
    return right / pairs if pairs else float("nan")


@given(st.data())
def test_c_index_is_the_plain_count(data):
    count = data.draw(st.integers(2, 8))
    numbers = st.lists(st.integers(0, 4), min_size=count, max_size=count)
    times, risks = (np.array(data.draw(numbers), float) for _ in range(2))
    events = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    expected = harrell(times, risks, events)
    found = c_index(times, risks, events)
    assert (math.isnan(expected) and math.isnan(found)) or found == pytest.approx(expected)


def test_kaplan_meier_by_hand():
    """Deaths at 1 and 3, one censored at 2: 3/4, then 1/2 of that."""
    curve = kaplan_meier(np.array([1.0, 2, 3, 4]), np.array([True, False, True, False]))
    at = dict(zip(curve["times"], curve["alive"], strict=True))
    assert at[1.0] == pytest.approx(0.75)
    assert at[2.0] == pytest.approx(0.75)
    assert at[3.0] == pytest.approx(0.375)


def test_log_rank_needs_two_groups():
    times, events = np.arange(8.0), np.ones(8, bool)
    assert math.isnan(log_rank(times, np.zeros(8), events))
    assert log_rank(times, -times, events) < 0.05


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_kappa_counts_grades_that_do_not_occur(pairs):
    """Weights go by the distance of grades, not by their places among those that occur."""
    answers, labels = np.array(pairs).T
    found = quadratic_kappa(answers, labels, 4)
    if len(set(answers) | set(labels)) < 2:
        assert math.isnan(found)
        return
    weights = (np.arange(4)[:, None] - np.arange(4)) ** 2
    seen = np.zeros((4, 4))
    np.add.at(seen, (labels, answers), 1)
    chance = np.outer(seen.sum(1), seen.sum(0)) / len(pairs)
    expected = 1 - (weights * seen).sum() / (weights * chance).sum()
    assert found == pytest.approx(expected)


def test_kappa_of_scikit_learn_without_labels_is_another_number():
    answers, labels = np.array([0, 3, 3, 0, 1]), np.array([0, 3, 0, 0, 3])
    plain = cohen_kappa_score(labels, answers, weights="quadratic")
    assert quadratic_kappa(answers, labels, 4) != pytest.approx(plain)
