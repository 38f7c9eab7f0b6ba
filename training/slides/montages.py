"""Made slides in which only the arrangement of two tissues decides.

On a grid of patches half are of the first tissue. It grows from a few seeds: from one into a single
clump (grade 0), from several into as many (grade 1), or lies scattered (grade 2). The hazard of a
patient rises with the contact of the tissues, the share of neighbouring pairs that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

SEEDS = (1, 5, None)  # clumps by grade; None = scattered
HAZARD = 6.0  # log-hazard from no contact to full contact
GLASS = 243
TILE_PX = 256


@dataclass(frozen=True)
class Montage:
    """One slide before it is drawn."""

    first: np.ndarray  # (side, side) bool: where the first tissue lies; half of it
    grade: int
    contact: float  # share of neighbouring pairs that differ, 0..1
    time: float  # until death or the last time seen alive
    event: bool  # whether it ended with death


def draw_montages(
    count: int, side: int, censored: float, rng: np.random.Generator
) -> list[Montage]:
    """Montages of the grades in turn. censored: share of the patients last seen alive."""
    made = []
    for number in range(count):
        grade = number % len(SEEDS)
        first = arrangement(side, SEEDS[grade], rng)
        contact = contact_of(first)
        time = rng.exponential(np.exp(-HAZARD * (contact - 0.5)))
        event = rng.random() >= censored
        seen = time if event else time * rng.uniform(0.2, 1.0)
        made.append(Montage(first, grade, contact, float(seen), bool(event)))
    return made


def arrangement(side: int, clumps: int | None, rng: np.random.Generator) -> np.ndarray:
    """(side, side) bool with half of the cells set: in so many clumps, or scattered (None)."""
    half = side * side // 2
    found = np.zeros(side * side, bool)
    if clumps is None:
        found[rng.permutation(side * side)[:half]] = True
        return found.reshape(side, side)
    places = np.stack(np.divmod(np.arange(side * side), side), axis=1).astype(float)
    seeds = rng.uniform(0, side - 1, (clumps, 2))
    gap = np.linalg.norm(places[:, None] - seeds, axis=2).min(axis=1)
    found[np.argsort(gap + rng.uniform(0, 0.5, len(gap)), kind="stable")[:half]] = True
    return found.reshape(side, side)


def contact_of(first: np.ndarray) -> float:
    """Share of the pairs of neighbours, in rows and columns, that are of two tissues."""
    across, down = first[:, 1:] != first[:, :-1], first[1:] != first[:-1]
    return float((across.sum() + down.sum()) / (across.size + down.size))


def write_montage(
    path: Path,
    montage: Montage,
    pictures: Sequence[np.ndarray],
    mpp: float,
    rng: np.random.Generator,
) -> None:
    """Write a tiled TIFF with a patch's width of glass around the tissue.

    pictures: of the first and of the other tissue, each (N, P, P, 3) uint8 RGB.
    """
    side, px = len(montage.first), pictures[0].shape[1]
    picture = np.full(((side + 2) * px, (side + 2) * px, 3), GLASS, np.uint8)
    for row in range(side):
        for column in range(side):
            own = pictures[0 if montage.first[row, column] else 1]
            image = np.rot90(own[int(rng.integers(len(own)))], int(rng.integers(4)))
            y, x = (row + 1) * px, (column + 1) * px
            picture[y : y + px, x : x + px] = image
    _write(path, picture, mpp)


def write_patches(path: Path, images: np.ndarray, corners: np.ndarray, mpp: float) -> None:
    """Write a tiled TIFF with patches (N, P, P, 3) uint8 RGB at corners (N, 2) of x, y in pixels.

    The picture begins at the least x and y: patches on a grid of P pixels stay on one.
    """
    px = images.shape[1]
    at = corners - corners.min(axis=0)
    width, height = at.max(axis=0) + px
    picture = np.full((height, width, 3), GLASS, np.uint8)
    for image, (x, y) in zip(images, at, strict=True):
        picture[y : y + px, x : x + px] = image
    _write(path, picture, mpp)


def _write(path: Path, picture: np.ndarray, mpp: float) -> None:
    tifffile.imwrite(
        path, picture, photometric="rgb", tile=(TILE_PX, TILE_PX), compression="deflate",
        resolution=(1e4 / mpp, 1e4 / mpp), resolutionunit="CENTIMETER",
    )  # fmt: skip
