"""Split a catalog 7:1:2 by seed: stratified by class, groups and duplicates kept together."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.data.catalog import SPLITS, Item

FRACTIONS = (0.7, 0.1, 0.2)  # train, val, test (SSMamba §4.2)


@dataclass(frozen=True)
class Unit:
    """Images that must stay in one split."""

    members: tuple[int, ...]  # indices in the catalog, ascending
    label: str  # their most common label


def split_items(
    items: Sequence[Item],
    seed: int,
    links: Sequence[tuple[int, int]] = (),
    fractions: tuple[float, float, float] = FRACTIONS,
) -> dict[str, list[int]]:
    """Assign each item to "train", "val" or "test"; ascending indices.

    Splits named in the manifest take precedence. Otherwise each class is split by itself: within
    a class a split misses its share by less than its largest unit, and with at least three units
    each split gets one. The same items, links and seed always give the same split.
    """
    if items and all(item.split for item in items):
        return {name: [i for i, item in enumerate(items) if item.split == name] for name in SPLITS}
    sides: dict[str, list[int]] = {name: [] for name in SPLITS}
    by_label: dict[str, list[Unit]] = {}
    for unit in join_units(items, links):
        by_label.setdefault(unit.label, []).append(unit)
    for label, units in sorted(by_label.items()):
        rng = np.random.default_rng([seed, zlib.crc32(label.encode())])
        shuffled = [units[i] for i in rng.permutation(len(units))]
        for name, unit in _assign(shuffled, fractions):
            sides[name].extend(unit.members)
    return {name: sorted(members) for name, members in sides.items()}


def join_units(items: Sequence[Item], links: Sequence[tuple[int, int]] = ()) -> list[Unit]:
    """Connected components of items under shared groups and links, by their first member."""
    first_of_group: dict[str, int] = {}
    pairs = list(links)
    for index, item in enumerate(items):
        if item.group:
            pairs.append((first_of_group.setdefault(item.group, index), index))
    ends = np.array(pairs, np.int32).reshape(-1, 2)
    edges = (np.ones(len(ends), bool), (ends[:, 0], ends[:, 1]))
    graph = coo_array(edges, shape=(len(items), len(items)))
    members: dict[int, list[int]] = {}
    for index, unit in enumerate(connected_components(graph, directed=False)[1].tolist()):
        members.setdefault(unit, []).append(index)
    return [Unit(tuple(m), _commonest([items[i].label for i in m])) for m in members.values()]


def _commonest(labels: list[str]) -> str:
    return max(sorted(set(labels)), key=labels.count)


def _assign(units: list[Unit], fractions: tuple[float, ...]) -> list[tuple[str, Unit]]:
    """Give each unit, larger ones first, to the split that lacks most images."""
    total = sum(len(unit.members) for unit in units)
    lack = [fraction * total for fraction in fractions]
    assigned: list[tuple[int, Unit]] = []
    for unit in sorted(units, key=lambda unit: -len(unit.members)):
        side = int(np.argmax(lack))
        lack[side] -= len(unit.members)
        assigned.append((side, unit))
    _fill_empty_sides(assigned, fractions)
    return [(SPLITS[side], unit) for side, unit in assigned]


def _fill_empty_sides(assigned: list[tuple[int, Unit]], fractions: tuple[float, ...]) -> None:
    """With enough units no split stays empty: it takes the smallest of the fullest split."""
    for side, fraction in enumerate(fractions):
        counts = [sum(s == k for s, _ in assigned) for k in range(len(fractions))]
        if counts[side] or not fraction:
            continue
        richest = int(np.argmax(counts))
        if counts[richest] > 1:
            last = max(i for i, (s, _) in enumerate(assigned) if s == richest)
            assigned[last] = (side, assigned[last][1])
