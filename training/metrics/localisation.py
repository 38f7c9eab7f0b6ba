"""How well a map of evidence finds the place where a class really is (SSMamba §4.4.1).

All three scores need no threshold to be tuned, so they treat every model alike.
"""

from __future__ import annotations

import numpy as np

SCORES = ("dice", "pointing", "energy")


def localisation(values: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of one map (H, W) float against a mask (H, W) bool that is neither empty nor full.

    dice: overlap of the truth with as many of the highest pixels as the truth has.
    pointing: 1 when the peak lies in the truth (pointing game; Zhang et al. 2016).
    energy: share of the positive values inside; 0 when nothing is positive.
    By chance each is the truth's share of the area.
    """
    return {
        "dice": dice_of_equal_area(values, truth),
        "pointing": float(_peaks(values)[truth].sum() / _peaks(values).sum()),
        "energy": energy_inside(values, truth),
    }


def dice_of_equal_area(values: np.ndarray, truth: np.ndarray) -> float:
    """Ties at the edge count by their share, so a flat map scores as chance does."""
    count = int(truth.sum())
    edge = np.partition(values.ravel(), values.size - count)[values.size - count]
    above, level = values > edge, values == edge
    room = (count - above.sum()) / level.sum()
    return float(((above & truth).sum() + room * (level & truth).sum()) / count)


def energy_inside(values: np.ndarray, truth: np.ndarray) -> float:
    positive = np.maximum(values, 0.0)
    total = float(positive.sum())
    return float(positive[truth].sum()) / total if total > 0 else 0.0


def _peaks(values: np.ndarray) -> np.ndarray:
    return values == values.max()
