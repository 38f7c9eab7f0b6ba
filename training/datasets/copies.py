"""Find the augmented copies of one source field by what the images show.

LC25000's 25,000 images were made from 1,250 fields by random rotations and flips (Borkowski et
al. 2019), so a random split puts the same field on both sides. Two steps: images that share many
visual words (mirror-free SIFT descriptors) are candidates; a candidate pair is a copy
when one affine map carries at least LEAST_COMMON keypoints from one to the other.

Measured on the 3,217 images of ../shared/data/lc25000 against their published groups: pairwise
precision > .93 and recall > .96 (tests/training/datasets/test_copies.py, slow). Of the pairs that
count as wrong, all 173 that match directly show the same tissue once laid over each other
(correlation above .92; two random images share at most five keypoints): the published groups miss
them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import numpy as np

from training.data.catalog import Item
from training.data.split import join_units
from training.datasets.keypoints import Keypoints, common_keypoints, find_keypoints

WORDS = 1000
CANDIDATES = 40  # images that share most words with an image
LEAST_COMMON = 12  # keypoints; unrelated fields share fewer than eight


def find_copies(
    paths: Sequence[Path], on_done: Callable[[int], None] | None = None, seed: int = 0
) -> list[tuple[int, int]]:
    """Pairs (i < j) of images that show the same field. The same files give the same pairs.

    on_done: told how many of ``2 · len(paths)`` steps are behind.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        keypoints: list[Keypoints] = []
        for found in pool.map(find_keypoints, paths):
            keypoints.append(found)
            if on_done is not None:
                on_done(len(keypoints))
        pairs = candidate_pairs(keypoints, seed)
        common = pool.map(lambda p: common_keypoints(keypoints[p[0]], keypoints[p[1]]), pairs)
        copies = []
        for number, (pair, count) in enumerate(zip(pairs, common, strict=True), start=1):
            if count >= LEAST_COMMON:
                copies.append(pair)
            if on_done is not None and number % 100 == 0:
                on_done(len(paths) + number * len(paths) // len(pairs))
    return copies


def group_by_field(
    items: Sequence[Item], files: Sequence[Path], on_done: Callable[[int], None] | None = None
) -> list[str]:
    """A group name for each item; copies of a field within a class share one."""
    names = [""] * len(items)
    behind = 0
    for label in sorted({item.label for item in items}):
        rows = [i for i, item in enumerate(items) if item.label == label]
        start = behind

        def tell(done: int, start: int = start) -> None:
            if on_done is not None:
                on_done(start + done)

        pairs = find_copies([files[i] for i in rows], tell)
        units = join_units([Item(str(i), label) for i in rows], pairs)
        for number, unit in enumerate(units):
            for member in unit.members:
                names[rows[member]] = f"{label}_{number}"
        behind += 2 * len(rows)
    return names


def candidate_pairs(keypoints: Sequence[Keypoints], seed: int = 0) -> list[tuple[int, int]]:
    """Pairs (i < j) that share the most visual words."""
    if len(keypoints) <= CANDIDATES + 1:
        return list(combinations(range(len(keypoints)), 2))
    words = _visual_words(keypoints, seed)
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(words), 1024):
        similarity = words[start : start + 1024] @ words.T
        for row, values in enumerate(similarity, start=start):
            values[row] = -1.0
            near = np.argpartition(-values, CANDIDATES - 1)[:CANDIDATES]
            pairs.update((min(row, int(j)), max(row, int(j))) for j in near if values[j] > 0)
    return sorted(pairs)


def pair_scores(found: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """Pairwise precision and recall of groups against true ones."""
    same = _same_group(found), _same_group(truth)
    both = int((same[0] & same[1]).sum())
    return {
        "precision": both / max(int(same[0].sum()), 1),
        "recall": both / max(int(same[1].sum()), 1),
    }


def _same_group(names: Sequence[str]) -> np.ndarray:
    numbers = np.unique(np.asarray(names), return_inverse=True)[1]
    return np.triu(numbers[:, None] == numbers[None], 1)


def _visual_words(keypoints: Sequence[Keypoints], seed: int) -> np.ndarray:
    """(N, W) float32 of length 1: weighted counts of each image's words (tf-idf).

    The words are descriptors drawn by chance: as good here as k-means, and without its minutes.
    """
    ends = np.cumsum([len(k.descriptors) for k in keypoints])
    drawn = np.random.default_rng([seed, 11]).permutation(int(ends[-1]))[:WORDS]
    owners = np.searchsorted(ends, drawn, side="right")
    # a negative row counts from the end of its image
    picked = [keypoints[o].descriptors[d - ends[o]] for o, d in zip(owners, drawn, strict=True)]
    words = np.array(picked, np.float32).reshape(len(picked), keypoints[0].descriptors.shape[1])
    table = np.zeros((len(keypoints), max(len(words), 1)), np.float32)
    for row, found in enumerate(keypoints):
        if len(found.descriptors):
            nearest = (found.descriptors @ words.T).argmax(1)
            np.add.at(table[row], nearest, 1)
    rarity = np.log(len(keypoints) / np.maximum((table > 0).sum(0), 1)) + 1e-3
    table = np.sqrt(table) * rarity.astype(np.float32)
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)
