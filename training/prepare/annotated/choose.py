"""Which windows become patches: capped, balanced, and spread over the slides."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssmamba.names import folded


@dataclass(frozen=True)
class Caps:
    """Limits on the number of patches; 0 = none."""

    per_slide: int  # of a class and slide
    per_class: int  # of a class
    balance: float  # largest class / smallest class
    seed: int


def choose_windows(classes: Mapping[str, Sequence[str]], caps: Caps) -> dict[str, list[int]]:
    """The chosen windows of each slide, ascending.

    classes: {slide: class of each of its windows}. Where a class has more than it may have, each
    slide gives the same number as far as it goes. Which of a slide's windows are chosen depends
    on the seed and the slide's name alone.
    """
    offered: dict[str, dict[str, list[int]]] = {}
    for slide, labels in classes.items():
        rng = np.random.default_rng([caps.seed, zlib.crc32(folded(slide).encode())])
        for index in rng.permutation(len(labels)).tolist():
            offered.setdefault(labels[index], {}).setdefault(slide, []).append(index)
    if caps.per_slide:
        for of_class in offered.values():
            for slide in of_class:
                del of_class[slide][caps.per_slide :]
    most = _most({name: sum(map(len, by.values())) for name, by in offered.items()}, caps)
    chosen: dict[str, list[int]] = {slide: [] for slide in classes}
    for name, of_class in sorted(offered.items()):
        shares = even_shares([len(indices) for indices in of_class.values()], most[name])
        for (slide, indices), share in zip(of_class.items(), shares, strict=True):
            chosen[slide] += indices[:share]
    return {slide: sorted(indices) for slide, indices in chosen.items()}


def even_shares(there: Sequence[int], most: int) -> list[int]:
    """How many to take of each, ``most`` in all, as equal as what is there allows."""
    shares = [0] * len(there)
    left = min(most, sum(there))
    for done, index in enumerate(sorted(range(len(there)), key=lambda i: there[i])):
        shares[index] = min(there[index], math.ceil(left / (len(there) - done)))
        left -= shares[index]
    return shares


def _most(counts: Mapping[str, int], caps: Caps) -> dict[str, int]:
    """The most patches of each class."""
    most = {n: min(count, caps.per_class or count) for n, count in counts.items()}
    if caps.balance and most:
        limit = max(1, int(caps.balance * min(most.values())))
        most = {name: min(count, limit) for name, count in most.items()}
    return most
