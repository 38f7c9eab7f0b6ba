"""Temperature repairs overconfidence; limits separate what is to be trusted."""

from __future__ import annotations

import numpy as np
import pytest

from ssmamba.inference.judge import normalised_entropy
from training.metrics.calibration import (
    distance_limit,
    entropy_limit,
    fit_temperature,
    softmax,
)
from training.metrics.classification import ece, nll

RNG = np.random.default_rng(0)
HONEST = RNG.normal(0, 1.5, (4000, 3))
LABELS = np.array([RNG.choice(3, p=p) for p in softmax(HONEST)])


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_a_scaling_of_the_logits(factor: float) -> None:
    logits = HONEST * factor
    temperature = fit_temperature(logits, LABELS)
    assert temperature == pytest.approx(factor, rel=0.06)
    before, after = softmax(logits), softmax(logits, temperature)
    assert nll(after, LABELS) <= nll(before, LABELS)
    if factor > 1:
        assert ece(after, LABELS) < 0.3 * ece(before, LABELS)


@pytest.mark.parametrize("count", [4, 10, 40, 200])
def test_right_answers_alone_make_no_answer_surer(count: int) -> None:
    logits = np.zeros((count, 2))
    labels = np.arange(count) % 2
    logits[np.arange(count), labels] = np.linspace(0.3, 2.5, count)
    assert fit_temperature(logits, labels) == 1.0
    limit = entropy_limit(softmax(logits), labels)
    assert (normalised_entropy(softmax(logits)) <= limit).mean() >= 0.975 - 1 / count


@pytest.mark.parametrize("margin", [0.5, 9.0])
def test_a_temperature_from_few_mistakes_stays_near_one(margin: float) -> None:
    """The surer the wrong answers the more; ten of them are enough for the whole fit."""
    found = []
    for wrong in (1, 3, 9, 10):
        labels = np.zeros(wrong * 20, int)
        logits = np.tile([margin, 0.0], (len(labels), 1))
        logits[:wrong] *= -1
        found.append(abs(np.log(fit_temperature(logits, labels))))
    assert found[:3] == pytest.approx([found[3] * n / 10 for n in (1, 3, 9)], rel=1e-3)
    assert found[3] > 0.5


def test_few_sure_answers_do_not_make_a_limit_that_new_ones_miss() -> None:
    sure = np.tile([30.0, 0.0], (6, 1))
    labels = np.zeros(6, int)
    assert 0.3 < entropy_limit(softmax(sure), labels) <= 0.5
    assert entropy_limit(softmax(np.tile([0.01, 0.0], (6, 1))), labels) > 0.9


def test_few_distances_leave_room_for_the_next_one() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(5, 1, (2000, 6))
    limits = np.array([distance_limit(draw) for draw in draws])
    beyond = (rng.normal(5, 1, 2000) > limits).mean()
    assert beyond == pytest.approx(0.025, abs=0.01)


def test_entropy_is_normalised() -> None:
    both = normalised_entropy(np.array([[0.25] * 4, [1.0, 0, 0, 0]]))
    assert both == pytest.approx([1.0, 0.0], abs=1e-9)


def test_the_limit_marks_most_wrong_answers_and_few_right_ones() -> None:
    probabilities = softmax(HONEST * 2)
    limit = entropy_limit(probabilities, LABELS)
    right = probabilities.argmax(1) == LABELS
    marked = normalised_entropy(probabilities) > limit
    assert marked[~right].mean() > 2 * marked[right].mean()


def test_without_mistakes_the_limit_is_a_percentile() -> None:
    probabilities = np.tile([0.9, 0.1], (200, 1))
    labels = np.zeros(200, int)
    assert entropy_limit(probabilities, labels) == pytest.approx(
        normalised_entropy(probabilities[:1])[0]
    )


def test_one_in_forty_familiar_images_is_beyond_the_distance() -> None:
    distances = RNG.normal(5, 1, 10_000)
    assert (distances > distance_limit(distances)).mean() == pytest.approx(0.025, abs=0.001)
