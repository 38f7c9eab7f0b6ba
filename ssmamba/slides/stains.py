"""Absorption of the common stains.

Optical density OD = -ln(I / 255) of a mixture is linear in the amount of each stain (Lambert and
Beer): OD = c @ M with a row of M for each stain (Ruifrok and Johnston, Quantification of
histochemical staining by color deconvolution, Anal Quant Cytol Histol 23, 2001).
"""

from __future__ import annotations

import numpy as np

# Absorption in R, G, B. Haematoxylin, eosin and DAB after Ruifrok and Johnston 2001; Giemsa is the
# methylene blue/eosin pair in common use for blood films.
STAINS: dict[str, tuple[float, float, float]] = {
    "haematoxylin": (0.650, 0.704, 0.286),
    "eosin": (0.072, 0.990, 0.105),
    "dab": (0.268, 0.570, 0.776),
    "methylene blue": (0.834, 0.514, 0.196),
    "eosin of Giemsa": (0.093, 0.954, 0.283),
}


def stain_matrix(first: str, second: str) -> np.ndarray:
    """(3, 3) float64 rows of unit length: two stains, and the direction across both (residual)."""
    rows = [np.asarray(STAINS[name]) / np.linalg.norm(STAINS[name]) for name in (first, second)]
    rest = np.cross(*rows)
    return np.stack([*rows, rest / np.linalg.norm(rest)])
