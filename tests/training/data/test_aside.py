"""Validation images held aside: groups whole, classes on both sides, the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import DataError
from training.data.aside import held_aside, share_aside
from training.data.catalog import Catalog, Item
from training.data.dataset import Dataset, load_dataset


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    """Thirty groups of two images in validation, whose split the manifest names."""
    found = load_dataset(folder, 0, quiet=True)
    items = tuple(
        Item(f"{number}.png", found.classes[number // 2 % 2], f"g{number // 2}", "val")
        for number in range(60)
    )
    catalog: Catalog = replace(found.catalog, items=items)
    return replace(found, catalog=catalog, splits={"train": [], "val": list(range(60)), "test": []})


def test_groups_stay_whole_and_every_image_has_one_part(dataset: Dataset) -> None:
    chooses, fits = held_aside(dataset, 0.4)
    first, second = set(chooses.indices("val")), set(fits.indices("val"))
    assert not first & second and first | second == set(range(60))
    assert len(second) == pytest.approx(24, abs=2)
    assert not {index // 2 for index in first} & {index // 2 for index in second}
    for part in (chooses, fits):
        assert len(set(part.labels("val").tolist())) == 2
    assert held_aside(dataset, 0.4)[1].indices("val") == fits.indices("val")


def test_none_aside_is_all_for_both(dataset: Dataset) -> None:
    assert held_aside(dataset, 0.0) == (dataset, dataset)


def test_unasked_half_is_aside_of_many_images_and_none_of_few(dataset: Dataset) -> None:
    def of(count: int) -> Dataset:
        items = tuple(
            Item(f"{number}.png", dataset.classes[number % 2], "", "val") for number in range(count)
        )
        splits = {**dataset.splits, "val": list(range(count))}
        return replace(dataset, catalog=replace(dataset.catalog, items=items), splits=splits)

    assert (share_aside(of(120), None), share_aside(of(90), None)) == (0.5, 0.0)
    assert (share_aside(of(120), 0.0), share_aside(of(90), 0.3)) == (0.0, 0.3)


def test_a_class_that_would_be_missing_is_named(dataset: Dataset) -> None:
    few = replace(dataset, splits={**dataset.splits, "val": [0, 1, 2, 4, 5, 8]})
    lonely = dataset.catalog.items[2].label
    with pytest.raises(DataError, match=rf"--hold-aside 0.5 leaves .* without {lonely}; give"):
        held_aside(few, 0.5)
