"""A colour-histogram random forest: what colour alone tells about the class."""

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


def fit_forest(
    features: np.ndarray, labels: np.ndarray, seed: int, trees: int = TREES
) -> RandomForestClassifier:
    """Fit on features (N, F) with class numbers (N,)."""
    forest = RandomForestClassifier(trees, random_state=seed, n_jobs=-1)
    return forest.fit(features, labels)


def predict_forest(
    forest: RandomForestClassifier, features: np.ndarray, classes: int
) -> np.ndarray:
    """(N, K) probabilities from features (N, F), in the order of the class numbers."""
    out = np.zeros((len(features), classes))
    out[:, forest.classes_] = forest.predict_proba(features)
    return out
