"""Changes of images at graded strength, each of a known size (SSMamba §1 and §3.3).

The paper claims translation invariance, local and global integration, and robustness to the domain
shifts of stains and scanners; its second version adds magnification. Each change names the claim
that it tests. Local and global have one each: blur removes fine detail and preserves the layout, a
shuffle of tiles preserves the detail and removes the layout. Every change takes full images,
(N, S, S, 3) uint8, and lengths in pixels of the network's window, so that images of any size are
changed equally.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from training.augment.stain import apply_affine, stain_matrix


@dataclass(frozen=True)
class Surroundings:
    """Inputs of a change besides the images and the level."""

    window_px: int  # side of the network input
    stain_basis: str  # he | giemsa | none
    rng: np.random.Generator


Apply = Callable[[np.ndarray, float, Surroundings], np.ndarray]


@dataclass(frozen=True)
class Change:
    title: str
    unit: str  # of the levels, for the axis
    levels: tuple[float, ...]  # rising, the weakest first
    apply: Apply
    claim: str  # of the paper, tested by this change
    neutral: float = 0.0  # the level of an unchanged image
    doubling: bool = False  # whether levels are factors, so that the plot's axis is logarithmic


def _stain(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """Each stain's concentration is changed by ``level``, up or down at random."""
    stains = stain_matrix(around.stain_basis)
    factors = 1 + level * around.rng.choice((-1.0, 1.0), (len(images), 3))
    matrix = np.einsum("ij,bj,jk->bik", np.linalg.inv(stains), factors, stains)
    return apply_affine(images, matrix.astype(np.float32), np.zeros((len(images), 3), np.float32))


def _scanner(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """Another camera: gain of each channel and gamma by ``level``, noise of 20 · ``level``."""
    signs = around.rng.choice((-1.0, 1.0), (len(images), 4))
    gains = np.log1p(level) * signs[:, :3]  # a gain is an offset in optical density
    gamma = np.exp(np.log1p(level) * signs[:, 3])
    matrix = np.eye(3, dtype=np.float32) * gamma[:, None, None]
    out = apply_affine(images, matrix.astype(np.float32), gains.astype(np.float32))
    for index, image in enumerate(out):
        noise = around.rng.standard_normal(image.shape, np.float32) * np.float32(20 * level)
        out[index] = (image + noise).round().clip(0, 255)
    return out


def _blur(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """Gaussian, ``level`` = sigma."""
    sigma = level * _scale(images, around)
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])


def _jpeg(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """``level`` = 100 - quality."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, round(100 - level)]
    out = []
    for image in images:
        coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), flags)[1]
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        assert decoded is not None
        out.append(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))
    return np.stack(out)


def _rotation(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """By ``level`` degrees in either direction; corners are filled by reflection."""
    centre = (images.shape[1] - 1) / 2
    signs = around.rng.choice((-1.0, 1.0), len(images))
    turns = [cv2.getRotationMatrix2D((centre, centre), level * sign, 1.0) for sign in signs]
    return np.stack([_warp(image, turn) for image, turn in zip(images, turns, strict=True)])


def _shift(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """By ``level`` pixels in a random direction; edges are filled by reflection."""
    angles = around.rng.uniform(0, 2 * np.pi, len(images))
    reach = level * _scale(images, around)
    moves = [np.array([[1, 0, reach * np.cos(a)], [0, 1, reach * np.sin(a)]]) for a in angles]
    return np.stack([_warp(image, move) for image, move in zip(images, moves, strict=True)])


def _magnification(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """Shown ``level`` times as large: the centre above 1, with a reflected rim below 1."""
    side = images.shape[1]
    field = max(2, round(side / level))
    if field <= side:
        start = (side - field) // 2
        return images[:, start : start + field, start : start + field]
    before = (field - side) // 2
    rim = (before, field - side - before, before, field - side - before)
    return np.stack([cv2.copyMakeBorder(i, *rim, cv2.BORDER_REFLECT) for i in images])


def _shuffle(images: np.ndarray, level: float, around: Surroundings) -> np.ndarray:
    """The tiles of a grid with ``level`` a side are permuted at random; a rim too narrow for a row
    of tiles is left as it is."""
    count, side = round(level), images.shape[1]
    tile = side // count
    start = (side - count * tile) // 2
    inner = slice(start, start + count * tile)
    out = images.copy()
    for image in out:
        tiles = image[inner, inner].reshape(count, tile, count, tile, 3).swapaxes(1, 2)
        mixed = tiles.reshape(-1, tile, tile, 3)[around.rng.permutation(count * count)]
        grid = mixed.reshape(count, count, tile, tile, 3).swapaxes(1, 2)
        image[inner, inner] = grid.reshape(count * tile, count * tile, 3)
    return out


def _scale(images: np.ndarray, around: Surroundings) -> float:
    """Pixels of the image per pixel of the window."""
    return images.shape[1] / around.window_px


def _warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    side = image.shape[0]
    return cv2.warpAffine(
        image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


INVARIANCE, DOMAIN = "translation and rotation invariance", "domain shift"
INTEGRATION, SCALES = "local and global integration", "scales"

CHANGES: dict[str, Change] = {
    "stain": Change("Stain", "± share of each stain", (0.1, 0.2, 0.3, 0.4), _stain, DOMAIN),
    "scanner": Change(
        "Scanner", "± gain and gamma, noise", (0.05, 0.1, 0.2, 0.3), _scanner, DOMAIN
    ),
    "blur": Change("Blur", "sigma, network pixels", (0.5, 1.0, 2.0, 3.0), _blur, INTEGRATION),
    "shuffle": Change(
        "Shuffled tiles", "tiles per side", (2.0, 4.0, 8.0), _shuffle, INTEGRATION, 1.0, True
    ),
    "jpeg": Change("JPEG", "100 − quality", (20.0, 50.0, 70.0, 85.0), _jpeg, DOMAIN),
    "rotation": Change("Rotation", "degrees", (10.0, 20.0, 30.0, 45.0), _rotation, INVARIANCE),
    "shift": Change("Shift", "network pixels", (2.0, 4.0, 8.0, 16.0), _shift, INVARIANCE),
    "magnification": Change(
        "Magnification",
        "× magnification in training",
        (0.5, 0.71, 1.41, 2.0),
        _magnification,
        SCALES,
        1.0,
        True,
    ),
}
