"""Draws of a few images a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data.dataset import load_dataset
from training.data.few import draw, with_few_labels


def test_a_draw_has_its_labels_from_as_many_groups_as_there_are() -> None:
    labels = np.repeat([0, 1, 2], [20, 20, 3])
    groups = np.arange(len(labels)) // 5
    rows = draw(labels, groups, 6, np.random.default_rng(0))
    assert np.bincount(labels[rows]).tolist() == [6, 6, 3]
    assert len(set(rows.tolist())) == len(rows)
    for number in (0, 1):  # four groups lend six images
        lent = np.bincount(groups[rows[labels[rows] == number]])
        assert sorted(lent[lent > 0].tolist()) == [1, 1, 2, 2]
    assert not np.array_equal(rows, draw(labels, groups, 6, np.random.default_rng(1)))


def test_only_the_training_split_shrinks(folder: Path) -> None:
    whole = load_dataset(folder, 0, quiet=True)
    few = with_few_labels(whole, 3, seed=0)
    assert few.counts()["train"] == {"round": 3, "striped": 3}
    assert set(few.hashes("train")) < set(whole.hashes("train"))
    assert (few.splits["val"], few.splits["test"]) == (whole.splits["val"], whole.splits["test"])
    assert few.splits == with_few_labels(whole, 3, seed=0).splits
    assert few.splits != with_few_labels(whole, 3, seed=1).splits
