"""What a region looks like in nine numbers, by which foreign tissue is told from the trained.

The features of a slide model are trained to differ by the answer alone; colours and sharpness tell
another stain, scanner or magnification whatever the answer is.
"""

from __future__ import annotations

import numpy as np

NUMBERS = 9
STEPS = (1, 2, 4)  # pixels between two whose brightness is compared


def appearance(images: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) uint8 RGB -> (N, 9) float32.

    Mean of R, G, B, their standard deviations, and the mean difference of brightness between pixels
    1, 2 and 4 apart in a row; all in 0..1, a difference of regions too small for it 0.
    """
    values = images.astype(np.float32) / 255.0
    bright = values.mean(axis=3)
    parts = [values.mean(axis=(1, 2)), values.std(axis=(1, 2))]
    for step in STEPS:
        gap = abs(bright[:, :, step:] - bright[:, :, :-step])
        own = gap.mean(axis=(1, 2)) if gap.size else np.zeros(len(images), np.float32)
        parts.append(own[:, None])
    return np.concatenate(parts, axis=1).astype(np.float32)
