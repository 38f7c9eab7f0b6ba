"""Differences between the cells of a grid, with intervals over the groups of the test split."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from training.ablate.answers import Answered, Answers, differences
from training.ablate.results import Result

GROUPS = np.array([0, 0, 0, 1, 1, 2])


class Given:
    """Answers without models: the path's name is the pattern of right answers; a wrong one costs
    two nats."""

    dataset = SimpleNamespace(groups=lambda split: GROUPS)

    def of(self, path: Path) -> Answered:
        right = np.array([digit == "1" for digit in path.name])
        return Answered(right, 2.0 * ~right)


def compare(**patterns: list[str]) -> dict[str, dict[str, object]]:
    runs = {
        cell: [cast(Result, SimpleNamespace(path=Path(pattern))) for pattern in seeds]
        for cell, seeds in patterns.items()
    }
    return differences(runs, cast(Answers, Given()))


def test_a_difference_is_the_mean_over_seeds_of_the_same_images() -> None:
    found = compare(ssmamba=["111100", "111110"], other=["000000"], same=["111110", "111100"])
    assert set(found) == {"other", "same"}
    assert found["other"]["difference"] == pytest.approx(-4.5 / 6)
    assert found["same"]["difference"] == 0.0
    assert found["other"]["nll_difference"] == pytest.approx(2 * 4.5 / 6)
    low, high = cast("list[float]", found["other"]["nll_difference_ci"])
    assert low <= 1.5 <= high


def test_the_interval_draws_whole_groups() -> None:
    """Only the group of one image differs: drawn never, or up to three times alone."""
    low, high = cast(
        "list[float]", compare(ssmamba=["111110"], one=["111111"])["one"]["difference_ci"]
    )
    assert low == 0.0 and high == 1.0  # all three draws take it in one of 27 resamples


def test_the_interval_draws_seeds_too() -> None:
    """Seeds that differ more than the models make an interval with zero in it."""
    alike = compare(ssmamba=["111000", "111000"], other=["111100", "111100"])["other"]
    apart = compare(ssmamba=["111111", "000000"], other=["111111", "000001"])["other"]
    assert alike["difference"] == pytest.approx(1 / 6)
    assert cast("list[float]", alike["difference_ci"])[0] >= 0
    assert apart["difference"] == pytest.approx(1 / 12)
    low, high = cast("list[float]", apart["difference_ci"])
    assert low < -0.8 and high > 0.8


def test_without_the_full_model_there_is_nothing_to_compare_with() -> None:
    assert compare(other=["000000"]) == {}
