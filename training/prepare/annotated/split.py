"""Split groups that hold several classes 7:1:2, so that each class is split 7:1:2 as well."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from training.data.catalog import SPLITS
from training.data.split import FRACTIONS

TRIES = 400  # random orders of the groups
FEW = 7  # groups: all ways to split them are tried
MISSING = 10.0  # a class that is missing in a split costs as much as ten wrong shares


def split_groups(counts: Mapping[str, Mapping[str, int]], seed: int) -> dict[str, str]:
    """A split for each group; counts: {group: {class: patches}}.

    The way is taken in which no class is missing in a split and the shares of every class are
    closest to 7:1:2, of those that were tried: all of them for few groups. The same counts and
    seed give the same split.
    """
    groups = sorted(counts)
    classes = sorted({name for group in counts.values() for name in group})
    table = np.array([[counts[g].get(c, 0) for c in classes] for g in groups], np.float64)
    if not table.size:
        return dict.fromkeys(groups, SPLITS[0])
    table /= table.sum(axis=0)  # of each class
    rng = np.random.default_rng(seed)
    if len(groups) <= FEW:
        ways = [np.array(way) for way in product(range(len(SPLITS)), repeat=len(groups))]
        rng.shuffle(ways)
    else:
        ways = [_filled(table, rng) for _ in range(TRIES)]
    best = min(ways, key=lambda way: _cost(way, table))
    return {group: SPLITS[side] for group, side in zip(groups, best, strict=True)}


def _filled(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Groups in a random order, large ones rather first, each to the split that lacks it most."""
    sizes = table.sum(axis=1) * rng.uniform(0.5, 1.5, len(table))
    lack = np.repeat(np.array(FRACTIONS)[:, None], table.shape[1], axis=1)  # (3, K)
    way = np.zeros(len(table), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        after = ((lack - table[group]) ** 2 - lack**2).sum(axis=1)
        way[group] = int(np.argmin(after))
        lack[way[group]] -= table[group]
    return way


def _cost(way: np.ndarray, table: np.ndarray) -> float:
    shares = np.stack([table[way == side].sum(axis=0) for side in range(len(SPLITS))])
    wrong = np.abs(shares - np.array(FRACTIONS)[:, None]).sum()
    return float(wrong + MISSING * (shares == 0).sum())
