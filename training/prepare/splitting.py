"""Groups and splits of the images of a data set in preparation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.data.catalog import SPLITS, Catalog, Item
from training.data.split import FRACTIONS, split_items
from training.loop.progress import Progress
from training.prepare.copies import group_by_field


def with_field_groups(catalog: Catalog) -> tuple[Item, ...]:
    """The items with the source field as group, found by content."""
    files = [catalog.file(item) for item in catalog.items]
    with Progress("Finding copies of a field", 2 * len(files)) as progress:
        names = group_by_field(catalog.items, files, progress.update)
    return tuple(replace(i, group=g) for i, g in zip(catalog.items, names, strict=True))


def choose_splits(
    items: Sequence[Item], seed: int, links: Sequence[tuple[int, int]]
) -> tuple[str, ...]:
    """A split for each item: 7:1:2, or train and validation 7:1 beside a published test split.

    Items with a split keep it.
    """
    free = [i for i, item in enumerate(items) if not item.split]
    sides = [item.split for item in items]
    if len(free) == len(items):
        fractions = FRACTIONS
    else:
        share = FRACTIONS[0] / (FRACTIONS[0] + FRACTIONS[1])
        fractions = (share, 1.0 - share, 0.0)
    row = {i: k for k, i in enumerate(free)}
    among = [(row[a], row[b]) for a, b in links if a in row and b in row]
    chosen = split_items([items[i] for i in free], seed, among, fractions)
    for name in SPLITS:
        for k in chosen[name]:
            sides[free[k]] = name
    return tuple(sides)


def contradictions(items: Sequence[Item], pixel_hashes: Sequence[str]) -> list[int]:
    """Images to leave out: every copy of an image that has two labels, and the copies in other
    splits of a published test image."""
    alike: dict[str, list[int]] = {}
    for index, digest in enumerate(pixel_hashes):
        alike.setdefault(digest, []).append(index)
    out: list[int] = []
    for rows in alike.values():
        if len({items[i].label for i in rows}) > 1:
            out += rows
        elif len({items[i].split for i in rows}) > 1:
            out += [i for i in rows if items[i].split != "test"]
    return sorted(out)
