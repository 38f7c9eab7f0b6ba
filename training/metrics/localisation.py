"""Scores of how well a CAM finds the pixels of its class (SSMamba §4.4.1).

None of them has a threshold to tune, so they treat every model alike.
"""

from __future__ import annotations

import numpy as np

SCORES = ("dice", "pointing", "energy")


def localisation(values: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of one map (H, W) float against a mask (H, W) bool that is neither empty nor full.

    dice: overlap of the truth with as many of the highest pixels as the truth has.
    pointing: 1 when the peak is in the truth (pointing game; Zhang et al. 2016).
    energy: share of the positive values inside; 0 when nothing is positive.
    The chance level of each is the truth's share of the area.
    """
    peaks, positive = values == values.max(), np.maximum(values, 0.0)
    total = float(positive.sum())
    return {
        "dice": _dice_of_equal_area(values, truth),
        "pointing": float(peaks[truth].sum() / peaks.sum()),
        "energy": float(positive[truth].sum()) / total if total > 0 else 0.0,
    }


def _dice_of_equal_area(values: np.ndarray, truth: np.ndarray) -> float:
    """Ties at the edge count by their share, so a flat map scores as chance does."""
    count = int(truth.sum())
    edge = np.partition(values.ravel(), values.size - count)[values.size - count]
    above, level = values > edge, values == edge
    room = (count - above.sum()) / level.sum()
    return float(((above & truth).sum() + room * (level & truth).sum()) / count)
