"""Random crops, mirrors and quarter turns."""

from __future__ import annotations

import cv2
import numpy as np

MAX_ASPECT = 4 / 3  # of a crop, as in RandomResizedCrop


def random_crops(
    images: np.ndarray,
    rows: np.ndarray,
    window: int,
    scale: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """RandomResizedCrop with mirrors and quarter turns.

    images: (N, S, S, 3) uint8; rows: (B,) indices into them; scale: smallest and largest share of
    the area. Returns (B, window, window, 3) uint8.
    """
    side = images.shape[1]
    count = len(rows)
    area = rng.uniform(*scale, count)
    aspect = np.exp(rng.uniform(-1, 1, count) * np.log(MAX_ASPECT))
    width = np.clip(np.rint(side * np.sqrt(area * aspect)), 8, side).astype(int)
    height = np.clip(np.rint(side * np.sqrt(area / aspect)), 8, side).astype(int)
    left = (rng.random(count) * (side - width + 1)).astype(int)
    top = (rng.random(count) * (side - height + 1)).astype(int)
    turn = rng.integers(0, 8, count)
    out = np.empty((count, window, window, 3), np.uint8)
    for i, row in enumerate(rows):
        crop = images[row, top[i] : top[i] + height[i], left[i] : left[i] + width[i]]
        out[i] = turn_image(_resize(crop, window), int(turn[i]))
    return out


def turn_image(images: np.ndarray, position: int) -> np.ndarray:
    """Square images (..., S, S, 3) in one of the eight mirrored and turned positions, 0..7;
    0 leaves them unchanged."""
    if position >= 4:
        images = images[..., ::-1, :]
    return np.rot90(images, position % 4, axes=(-3, -2))


def _resize(crop: np.ndarray, window: int) -> np.ndarray:
    """As preprocess.resize_image does for squares: area when shrinking, cubic when enlarging."""
    shrinks = max(crop.shape[:2]) > window
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(crop, (window, window), interpolation=how)
