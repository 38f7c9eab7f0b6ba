"""Mosaics of four known classes: the position of each class is known without annotations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TILES = 4  # two by two
Truths = dict[int, dict[int, np.ndarray]]  # class number of a model -> {image: (S, S) bool}


@dataclass(frozen=True)
class Mosaics:
    """Images of two by two tiles of different classes."""

    images: np.ndarray  # (M, 2s, 2s, 3) uint8
    classes: np.ndarray  # (M, 4) class number of the tile; top left, top right, bottom left, right

    def truth(self, mosaic: int, number: int) -> np.ndarray:
        """Where a class is in a mosaic, (2s, 2s) bool."""
        tiles = (self.classes[mosaic] == number).reshape(2, 2)
        side = self.images.shape[1] // 2
        return tiles.repeat(side, axis=0).repeat(side, axis=1)

    def truths(self, order: np.ndarray) -> Truths:
        """All positions of all classes; order: number in a model of each class number here."""
        found: Truths = {}
        for number in np.unique(self.classes).tolist():
            rows = np.flatnonzero((self.classes == number).any(axis=1))
            found[int(order[number])] = {row: self.truth(row, number) for row in rows.tolist()}
        return found


def make_mosaics(tiles: np.ndarray, labels: np.ndarray, count: int, seed: int) -> Mosaics:
    """Lay tiles (N, s, s, 3) uint8 with labels (N,) into ``count`` mosaics.

    The four classes differ where there are four; no class ever fills a whole mosaic.
    """
    rng = np.random.default_rng([seed, 11])
    present = np.unique(labels)
    side = tiles.shape[1]
    images = np.empty((count, 2 * side, 2 * side, 3), np.uint8)
    classes = np.empty((count, TILES), np.int64)
    for index in range(count):
        drawn = [rng.permutation(present) for _ in range(-(-TILES // len(present)))]
        classes[index] = np.concatenate(drawn)[:TILES]
        a, b, c, d = (tiles[rng.choice(np.flatnonzero(labels == k))] for k in classes[index])
        images[index, :side] = np.concatenate([a, b], axis=1)
        images[index, side:] = np.concatenate([c, d], axis=1)
    return Mosaics(images, classes)


def centre_tiles(images: np.ndarray) -> np.ndarray:
    """The middle quarter of (N, S, S, 3): tiles of half the side at the same scale, so that a
    mosaic is as large as one window."""
    side = images.shape[1]
    start, half = side // 4, side // 2
    return images[:, start : start + half, start : start + half]
