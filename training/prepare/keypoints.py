"""SIFT keypoints with descriptors invariant to rotation, scale and reflection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.data.images import centre_square, read_rgb

SIDE = 224  # pixels at which keypoints are found
MOST = 300  # keypoints of one image
CONTRAST = 0.01  # low, so that pale fields have keypoints too
CELLS, DIRECTIONS = 4, 8  # a SIFT descriptor: CELLS x CELLS cells of DIRECTIONS gradients
WIDTH = CELLS * CELLS * DIRECTIONS
SCALE = 512  # stored numbers of a descriptor / its values; clipped at 255 (hardly ever reached)

RATIO = 0.85  # best match / second best, distances (Lowe 2004)
LEAST_MATCHES = 6
REPROJECTION = 3.0  # pixels
SCALES = (0.3, 3.3)  # of an augmented copy: crops and zooms
STRETCH = 2.2  # its largest scale / its smallest


@dataclass(frozen=True)
class Keypoints:
    """Keypoints of one image at SIDE pixels: at most 41 kB."""

    places: np.ndarray  # (K, 2) float32, (x, y) pixels
    descriptors: np.ndarray  # (K, WIDTH) uint8, SCALE x a vector of length 1

    def vectors(self) -> np.ndarray:
        """(K, WIDTH) float32 of length 1, up to rounding."""
        return self.descriptors.astype(np.float32) / SCALE


def find_keypoints(path: Path) -> Keypoints:
    """Keypoints of an image file. Raises UnreadableImage or OSError."""
    rgb = centre_square(read_rgb(path))
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    points, raw = cv2.SIFT.create(MOST, contrastThreshold=CONTRAST).detectAndCompute(grey, None)
    if raw is None:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, WIDTH), np.uint8))
    places = np.array([point.pt for point in points[:MOST]], np.float32)
    stored = np.minimum(np.rint(mirror_free(raw[:MOST]) * SCALE), 255).astype(np.uint8)
    return Keypoints(places, stored)


def mirror_free(raw: np.ndarray) -> np.ndarray:
    """(K, WIDTH) SIFT -> (K, WIDTH) float32 of length 1, equal for a patch and its mirror image.

    Mirroring permutes a descriptor: along the keypoint's own direction the rows of cells swap
    places and each gradient direction turns into its opposite angle. Sum and absolute difference
    of the two do not change; the lower rows of cells repeat the upper ones' and are left out.
    Square roots make the distance Hellinger's ("RootSIFT").
    """
    order = np.arange(WIDTH).reshape(CELLS, CELLS, DIRECTIONS)
    mirrored = order[::-1][:, :, -np.arange(DIRECTIONS) % DIRECTIONS].ravel()
    root = np.sqrt(raw / np.maximum(raw.sum(1, keepdims=True), 1e-6))
    upper, lower = root[:, : WIDTH // 2], root[:, mirrored[: WIDTH // 2]]
    both = np.concatenate([upper + lower, np.abs(upper - lower)], 1)
    length = np.linalg.norm(both, axis=1, keepdims=True)
    return (both / np.maximum(length, 1e-6)).astype(np.float32)


def common_keypoints(first: Keypoints, second: Keypoints) -> int:
    """How many keypoints one affine map carries from one image to the other.

    0 when there is no such map, or when no augmentation would make it (SCALES, STRETCH).
    """
    if min(len(first.places), len(second.places)) < LEAST_MATCHES:
        return 0
    rows, columns = _mutual_matches(first.vectors() @ second.vectors().T)
    if len(rows) < LEAST_MATCHES:
        return 0
    affine, inliers = cv2.estimateAffine2D(
        first.places[rows],
        second.places[columns],
        ransacReprojThreshold=REPROJECTION,
        maxIters=500,
    )
    if affine is None:
        return 0
    large, small = np.linalg.svd(affine[:, :2], compute_uv=False)
    plausible = SCALES[0] <= small and large <= SCALES[1] and large <= STRETCH * small
    return int(inliers.sum()) if plausible else 0


def _mutual_matches(similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that are each other's best match and clearly better than the second best.

    similarity: (K, L) cosines. Returns rows and columns.
    """
    rows = np.arange(len(similarity))
    best = similarity.argmax(1)
    top = similarity[rows, best]
    others = similarity.copy()
    others[rows, best] = -1.0
    first, second = (np.sqrt(np.maximum(2 - 2 * s, 1e-9)) for s in (top, others.max(1)))
    kept = (similarity.argmax(0)[best] == rows) & (first < RATIO * second)
    return rows[kept], best[kept]
