"""Augmented copies of one source field, found by the content of the images.

LC25000's 25,000 images were made from 1,250 fields by random rotations and flips (Borkowski et
al. 2019), so a random split has the same field on both sides. Two steps: images that share many
visual words (mirror-free SIFT descriptors) are candidates; a candidate pair is a copy if one affine
map carries at least LEAST_COMMON keypoints from one to the other.

Measured on 3,217 images of LC25000 against their published groups: pairwise precision > .93 and
recall > .96 (tests/training/prepare/test_copies.py, slow). Of the pairs that count as wrong, all
173 that match directly show the same tissue when superposed (correlation above .92; two random
images share at most five keypoints): the published groups miss them.

Memory: an image's keypoints take 41 kB and its words 4 kB. A class of LC25000, 5,000 images
(classes are searched one after the other), peaks at 0.27 GB, all 25,000 at once (the audit) at
1.34 GB: test_lc25000_takes_little_memory, slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from ssmamba.runtime.cores import usable_cores
from training.data.catalog import Item
from training.data.split import join_units
from training.prepare.keypoints import SCALE, WIDTH, Keypoints, common_keypoints, find_keypoints

Work = TypeVar("Work")
Result = TypeVar("Result")

WORDS = 1000
CANDIDATES = 40  # images that share most words with an image
LEAST_COMMON = 12  # keypoints; unrelated fields share fewer than eight
BLOCK = 1024  # images or pairs in progress at a time


def find_copies(
    paths: Sequence[Path], on_done: Callable[[int], None] | None = None, seed: int = 0
) -> list[tuple[int, int]]:
    """Pairs (i < j) of images that show the same field. The same files give the same pairs.

    on_done: called with the number of steps done, of ``2 · len(paths)``.
    """
    with ThreadPoolExecutor(usable_cores()) as pool:
        keypoints: list[Keypoints] = []
        for found in _map_in_blocks(pool, find_keypoints, paths):
            keypoints.append(found)
            if on_done is not None:
                on_done(len(keypoints))
        pairs = candidate_pairs(keypoints, seed)
        common = _map_in_blocks(
            pool, lambda pair: common_keypoints(keypoints[pair[0]], keypoints[pair[1]]), pairs
        )
        copies = []
        for number, (pair, count) in enumerate(zip(pairs.tolist(), common, strict=True), start=1):
            if count >= LEAST_COMMON:
                copies.append((pair[0], pair[1]))
            if on_done is not None and number % 100 == 0:
                on_done(len(paths) + number * len(paths) // len(pairs))
    return copies


def _map_in_blocks(
    pool: ThreadPoolExecutor, work: Callable[[Work], Result], over: Sequence[Work] | np.ndarray
) -> Iterator[Result]:
    """Like pool.map, which would hold a future for each of a million pairs at once."""
    for start in range(0, len(over), BLOCK):
        yield from pool.map(work, over[start : start + BLOCK])


def group_by_field(
    items: Sequence[Item], files: Sequence[Path], on_done: Callable[[int], None] | None = None
) -> list[str]:
    """A group name for each item; copies of a field within a class share one."""
    names = [""] * len(items)
    behind = 0
    for label in sorted({item.label for item in items}):
        rows = [i for i, item in enumerate(items) if item.label == label]

        def tell(done: int, start: int = behind) -> None:
            if on_done is not None:
                on_done(start + done)

        pairs = find_copies([files[i] for i in rows], tell)
        units = join_units([Item(str(i), label) for i in rows], pairs)
        for number, unit in enumerate(units):
            for member in unit.members:
                names[rows[member]] = f"{label}_{number}"
        behind += 2 * len(rows)
    return names


def candidate_pairs(keypoints: Sequence[Keypoints], seed: int = 0) -> np.ndarray:
    """(P, 2) int64, i < j and rising: the pairs that share the most visual words."""
    count = len(keypoints)
    if count <= CANDIDATES + 1:
        return np.stack(np.triu_indices(count, 1), 1)
    words = _visual_words(keypoints, seed)
    pairs = []
    for start in range(0, count, BLOCK):
        similarity = words[start : start + BLOCK] @ words.T
        rows = np.arange(start, start + len(similarity))
        similarity[rows - start, rows] = -1.0
        for row, values in zip(rows, similarity, strict=True):
            near = np.argpartition(-values, CANDIDATES - 1)[:CANDIDATES]
            near = near[values[near] > 0]
            pairs.append(np.minimum(near, row) * count + np.maximum(near, row))
    return np.stack(np.divmod(np.unique(np.concatenate(pairs)), count), 1)


def _visual_words(keypoints: Sequence[Keypoints], seed: int) -> np.ndarray:
    """(N, W) float32 of length 1: weighted counts of each image's words (tf-idf).

    The words are descriptors drawn at random: as good here as k-means, and minutes faster.
    """
    ends = np.cumsum([len(k.descriptors) for k in keypoints])
    total = int(ends[-1])
    drawn = np.random.default_rng([seed, 11]).choice(total, min(WORDS, total), replace=False)
    owners = np.searchsorted(ends, drawn, side="right")
    # a negative row counts from the end of its image
    picked = [keypoints[o].descriptors[d - ends[o]] for o, d in zip(owners, drawn, strict=True)]
    words = np.array(picked, np.float32).reshape(len(picked), WIDTH) / SCALE
    table = np.zeros((len(keypoints), max(len(words), 1)), np.float32)
    images_with = np.zeros(table.shape[1])
    for found, counts in zip(keypoints, table, strict=True):
        if len(found.descriptors):
            np.add.at(counts, (found.vectors() @ words.T).argmax(1), 1)
        images_with += counts > 0
    rarity = np.log(len(keypoints) / np.maximum(images_with, 1)) + 1e-3
    np.sqrt(table, out=table)  # in place from here: it is large
    table *= rarity.astype(np.float32)
    length = np.sqrt(np.einsum("nw,nw->n", table, table))
    table /= np.maximum(length, 1e-6)[:, None]
    return table
