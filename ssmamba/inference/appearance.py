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
    found = np.empty((len(images), NUMBERS), np.float32)
    for row, image in enumerate(images):  # one by one: all in float32 would take much memory
        values = image.astype(np.float32) / 255.0
        bright = values.mean(axis=2)
        gaps = (abs(bright[:, step:] - bright[:, :-step]) for step in STEPS)
        found[row, :3], found[row, 3:6] = values.mean(axis=(0, 1)), values.std(axis=(0, 1))
        found[row, 6:] = [gap.mean() if gap.size else 0.0 for gap in gaps]
    return found
