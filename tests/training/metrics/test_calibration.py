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
