"""A random forest on colour histograms: how well colour alone predicts the class."""

from __future__ import annotations

import cv2
import numpy as np
from sklearn.ensemble import RandomForestClassifier

BINS = 32
TREES = 500


def colour_histograms(images: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) uint8 -> (N, 6 · BINS) shares of pixels: R, G, B, hue, saturation, value."""
    rows = []
    for image in images:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        tops = (256, 256, 256, 180, 256, 256)
        channels = [*np.moveaxis(image, -1, 0), *np.moveaxis(hsv, -1, 0)]
        counts = [
            np.histogram(channel, bins=BINS, range=(0, top))[0]
            for channel, top in zip(channels, tops, strict=True)
        ]
        rows.append(np.concatenate(counts) / image[..., 0].size)
    return np.asarray(rows, dtype=np.float32)


def forest_probabilities(
    known: np.ndarray,
    labels: np.ndarray,
    asked: np.ndarray,
    classes: int,
    seed: int,
    trees: int = TREES,
) -> np.ndarray:
    """(M, K) probabilities of features ``asked`` (M, F), in the order of the class numbers.

    The forest is fitted on features ``known`` (N, F) with class numbers ``labels`` (N,).
    """
    forest = RandomForestClassifier(trees, random_state=seed, n_jobs=-1).fit(known, labels)
    out = np.zeros((len(asked), classes))
    out[:, forest.classes_] = forest.predict_proba(asked)
    return out
