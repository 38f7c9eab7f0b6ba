"""Few labels: a draw of some images of each class, spread over the groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.data.dataset import Dataset


def draw(
    labels: np.ndarray, groups: np.ndarray, a_class: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows of ``a_class`` images of each class, or of all where a class has fewer.

    labels, groups: (N,) numbers. They come from as many groups as there are: a second image of a
    group only once every group has lent one.
    """
    rows = []
    for number in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == number))
        turn, seen = np.empty(len(own), np.int64), dict[int, int]()
        for place, group in enumerate(groups[own].tolist()):
            turn[place] = seen[group] = seen.get(group, -1) + 1
        rows.append(own[np.argsort(turn, kind="stable")[:a_class]])
    return np.concatenate(rows)


def with_few_labels(dataset: Dataset, a_class: int, seed: int) -> Dataset:
    """The data set with ``a_class`` training images of each class; the other splits are whole."""
    every = dataset.splits["train"]
    chosen = [every[row] for row in few_rows(dataset, a_class, seed)]
    return replace(dataset, splits={**dataset.splits, "train": chosen})


def few_rows(dataset: Dataset, a_class: int, seed: int) -> np.ndarray:
    """Rows of the train split that ``with_few_labels`` retains, in their order."""
    rng = np.random.default_rng([seed, a_class])
    return np.sort(draw(dataset.labels("train"), dataset.groups("train"), a_class, rng))
