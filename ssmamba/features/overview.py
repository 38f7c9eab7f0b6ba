"""Features of many dimensions at a glance: principal components as colours, groups of like tiles.

Both are of one slide: the same colour or number on another slide means something else.
"""

from __future__ import annotations

import cv2
import numpy as np

COMPONENTS = 32  # kept before tiles are grouped
FITTED = 20_000  # tiles that the components are fitted to, spread evenly
ENDS = (1.0, 99.0)  # percentiles of a component that get no light and full light
GROUPS = 8
ROUNDS, ATTEMPTS = 50, 3
SEED = 0  # of the groups' first centres: the same file looks the same each time


def components(features: np.ndarray, count: int = COMPONENTS) -> np.ndarray:
    """(N, count) float32 principal components of (N, D) features, largest variance first.

    The sign of each is such that its largest loading is positive. Fewer where there are fewer
    tiles or dimensions. Values that are not finite count as 0.
    """
    values = np.nan_to_num(np.asarray(features, np.float32), posinf=0.0, neginf=0.0)
    fitted = values[:: -(-len(values) // FITTED)]
    most = min(count, *fitted.shape)
    mean, axes = cv2.PCACompute(fitted, mean=None, maxComponents=most)  # type: ignore[call-overload]
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.where(axes[np.arange(len(axes)), largest] < 0, -1, 1)[:, None]
    return np.asarray((values - mean) @ axes.T, np.float32)


def as_colours(parts: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 RGB of the first three of (N, K) components; missing ones are middle grey."""
    out = np.full((len(parts), 3), 128, np.uint8)
    for channel in range(min(3, parts.shape[1])):
        low, high = np.percentile(parts[:, channel], ENDS)
        share = (parts[:, channel] - low) / (high - low or 1.0)
        out[:, channel] = (share.clip(0, 1) * 255).round()
    return out


def groups(parts: np.ndarray, count: int = GROUPS) -> np.ndarray:
    """(N,) int of 1 … count, by k-means on (N, K) components; 1 is the largest group."""
    count = min(count, len(parts))
    cv2.setRNGSeed(SEED)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, ROUNDS, 1e-4)
    flags = cv2.KMEANS_PP_CENTERS
    _, labels, _ = cv2.kmeans(np.ascontiguousarray(parts), count, None, stop, ATTEMPTS, flags)  # type: ignore[call-overload]
    labels = labels.ravel()
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    rank = np.empty(count, int)
    rank[order] = np.arange(1, count + 1)
    return np.asarray(rank[labels])
