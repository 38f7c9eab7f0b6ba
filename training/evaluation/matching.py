"""Checks that a checkpoint and a data folder match: the same classes, images not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssmamba.checkpoints.card import Card
from ssmamba.errors import CheckpointError, DataError
from ssmamba.names import composed
from training.data.dataset import Dataset, load_dataset


def dataset_for(card: Card, root: Path, split_seed: int | None, info: Path | None) -> Dataset:
    """The data folder, split by ``split_seed``; None = by the seed of the checkpoint's training."""
    own = int(card.dataset.get("split_seed", 0))
    return load_dataset(root, own if split_seed is None else split_seed, info)


def class_order(card: Card, dataset: Dataset) -> np.ndarray:
    """Number in the checkpoint of each of the data's classes, (K,).

    Raises DataError when the two sets of classes differ.
    """
    own, given = [composed(c.key) for c in card.classes], list(dataset.classes)
    if set(own) != set(given):
        raise DataError(
            f"The checkpoint knows {len(own)} classes ({', '.join(own)}), but the data "
            f"{len(given)} ({', '.join(given)}); give data with the same classes."
        )
    return np.array([own.index(key) for key in given])


def refuse_overlap(card: Card, dataset: Dataset, split: str, allowed: bool = False) -> None:
    """Raise DataError when images of the split were used in training."""
    known = set(card.training_hashes) & set(dataset.hashes(split))
    if known and not allowed:
        raise DataError(
            f"{len(known)} of {len(dataset.indices(split))} images of the {split} "
            "split were used to train this checkpoint, so the result would flatter it; use "
            "images that it has not seen, or give --allow-overlap."
        )


def refuse_another_split(card: Card, path: Path, dataset: Dataset) -> None:
    """Raise CheckpointError unless the split of the data is that of the classifier's training:
    limits fitted on other images, or on test images, would be wrong."""
    root = dataset.catalog.root
    own = sorted(composed(c.key) for c in card.classes)
    if not card.classifies or tuple(own) != dataset.classes:
        raise CheckpointError(
            f"{path} is not a classifier of the classes in {root}; give the data folder that it "
            "was fine-tuned on."
        )
    known, test = set(card.training_hashes), set(dataset.hashes("test"))
    used = {*dataset.hashes("train"), *dataset.hashes("val")}
    other = len(used - known) + len(test & known)
    if known and other:
        raise CheckpointError(
            f"{other} images of {root} are new, or in another split than when {path} was "
            "trained; give the data folder that it was fine-tuned on."
        )
