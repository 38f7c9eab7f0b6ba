"""Copies of images in two splits or under two labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.data.dataset import Dataset
from training.data.scan import NEAR_LIMIT, equal_images, near_duplicates
from training.prepare.copies import find_copies

PAIRS_TOLD = 12


@dataclass(frozen=True)
class Copies:
    """Pairs of one kind of copy."""

    kind: str  # "equal pixels", "near-duplicates", "copies of a field"
    pairs: int  # in the whole data set
    across_sides: tuple[tuple[str, str], ...]  # paths
    across_labels: tuple[tuple[str, str], ...]
    test_images: int  # test images with a copy in train or val


def all_copies(dataset: Dataset, by_content: bool, on_done: Callable[[int], None]) -> list[Copies]:
    """Each kind of copy; near-duplicates only up to NEAR_LIMIT images."""
    kinds = [_sort("equal pixels", equal_images(dataset.scan), dataset)]
    if few_enough(dataset):
        near = near_duplicates(dataset.scan.thumbs)
        kinds.append(
            _sort("near-duplicates (16-px thumbnails, rotated or mirrored)", near, dataset)
        )
    if by_content:
        files = [dataset.catalog.file(item) for item in dataset.catalog.items]
        found = find_copies(files, on_done)
        kinds.append(_sort("copies of one field (keypoints)", found, dataset))
    return kinds


def few_enough(dataset: Dataset) -> bool:
    """Whether every image can be compared with every other one."""
    return len(dataset.catalog.items) <= NEAR_LIMIT


def split_of_each(dataset: Dataset) -> list[str]:
    sides = [""] * len(dataset.catalog.items)
    for name, rows in dataset.splits.items():
        for row in rows:
            sides[row] = name
    return sides


def _sort(kind: str, pairs: Sequence[tuple[int, int]], dataset: Dataset) -> Copies:
    items, sides = dataset.catalog.items, split_of_each(dataset)
    across = [(a, b) for a, b in pairs if sides[a] != sides[b]]
    labels = [(a, b) for a, b in pairs if items[a].label != items[b].label]
    test = {i for pair in across for i in pair if sides[i] == "test"}
    return Copies(
        kind,
        len(pairs),
        tuple((items[a].path, items[b].path) for a, b in across),
        tuple((items[a].path, items[b].path) for a, b in labels),
        len(test),
    )
