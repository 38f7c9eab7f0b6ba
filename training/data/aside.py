"""Validation images held aside: what chose the weights does not also say how far to trust them."""

from __future__ import annotations

from dataclasses import replace

from ssmamba.errors import DataError
from training.data.dataset import Dataset
from training.data.split import split_items

LEAST = 100  # validation images of which half are held aside unasked
HALF = 0.5


def share_aside(dataset: Dataset, asked: float | None) -> float:
    """The share of the validation images to hold aside, as asked; None = half of LEAST or more,
    where each class can be on both sides."""
    if asked is not None:
        return asked
    if len(dataset.indices("val")) < LEAST:
        return 0.0
    try:
        held_aside(dataset, HALF)
    except DataError:
        return 0.0
    return HALF


def held_aside(dataset: Dataset, share: float) -> tuple[Dataset, Dataset]:
    """The data set with the validation images that choose epoch and learning rate, and with those
    on which temperature and limits are fitted: ``share`` of them, groups whole; 0 = all for both.

    The same for the same split. Raises DataError where a class is missing on one side.
    """
    if not share:
        return dataset, dataset
    every = dataset.splits["val"]
    items = [replace(dataset.catalog.items[index], split="") for index in every]
    sides = split_items(items, dataset.split_seed, fractions=(1 - share, share, 0.0))
    parts = [[every[row] for row in sides[name]] for name in ("train", "val")]
    for part in parts:
        missing = set(dataset.classes) - {dataset.catalog.items[index].label for index in part}
        if missing:
            raise DataError(
                f"--hold-aside {share:g} leaves one part of the {len(every)} validation images "
                f"without {', '.join(sorted(missing))}; give another share, or 0."
            )
    chooses, fits = (replace(dataset, splits={**dataset.splits, "val": part}) for part in parts)
    return chooses, fits
