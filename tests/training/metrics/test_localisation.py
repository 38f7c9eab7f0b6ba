"""CAM-to-mask scores at their ends and by chance."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics.localisation import localisation

TRUTH = np.zeros((8, 8), dtype=bool)
TRUTH[:4, :4] = True


def test_a_map_that_is_the_truth_scores_one() -> None:
    assert localisation(TRUTH.astype(float), TRUTH) == {"dice": 1, "pointing": 1, "energy": 1}


def test_a_map_of_everything_else_scores_zero() -> None:
    assert localisation(~TRUTH * 2.0, TRUTH) == {"dice": 0, "pointing": 0, "energy": 0}


def test_a_flat_map_scores_as_chance() -> None:
    found = localisation(np.ones((8, 8)), TRUTH)
    assert found == {"dice": 0.25, "pointing": 0.25, "energy": 0.25}


def test_what_speaks_against_the_class_is_no_evidence() -> None:
    values = np.where(TRUTH, 1.0, -5.0)
    assert localisation(values, TRUTH)["energy"] == 1
    assert localisation(-np.ones((8, 8)), TRUTH)["energy"] == 0


def test_scale_and_half_overlap() -> None:
    values = np.zeros((8, 8))
    values[2:6, :4] = 3.0  # as large as the truth, half of it inside
    found = localisation(values, TRUTH)
    assert found["dice"] == pytest.approx(0.5) == found["energy"]
    assert localisation(values * 100, TRUTH) == found
