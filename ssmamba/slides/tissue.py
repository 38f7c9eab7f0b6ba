"""Tissue masks: everything but bare glass, black where nothing was scanned, and felt pen."""

from __future__ import annotations

import numpy as np

from ssmamba.slides.ink import black_mask, ink_mask

GLASS_SATURATION = 0.035  # below this an even, bright pixel is glass (JPEG noise stays under it)


def tissue_mask(rgb: np.ndarray, tell_ink: bool = True) -> np.ndarray:
    """Return a bool mask (H, W) of the tissue in an HWC uint8 RGB image.

    A pixel is tissue when its colour or its darkness stands out from the glass. The threshold is
    Otsu's on a combination of the two, clipped to a range that suits pale stains as well as
    images without any glass. Black and, unless ``tell_ink`` is False, the colours of felt pens
    (``ssmamba.slides.ink``) are no tissue, and have no part in the threshold.
    """
    values = _stain_amount(rgb)
    other = black_mask(rgb)
    if tell_ink:
        other |= ink_mask(rgb)
    limit = float(np.clip(_otsu(values[~other]), GLASS_SATURATION, 0.12))
    return (values > limit) & ~other


def tissue_fraction(rgb: np.ndarray, tell_ink: bool = True) -> float:
    """Share of an HWC uint8 RGB image that is tissue, 0..1."""
    return float(tissue_mask(rgb, tell_ink).mean()) if rgb.size else 0.0


def _stain_amount(rgb: np.ndarray) -> np.ndarray:
    """How far each pixel is from white glass, 0..1, (H, W) float32."""
    values = rgb.astype(np.float32) / 255.0
    high, low = values.max(-1), values.min(-1)
    chroma = high - low  # unlike HSV saturation it stays small where a pixel is almost black
    darkness = np.clip(0.85 - high, 0.0, 1.0)  # unstained but dark: pigment, grey images
    return np.maximum(chroma, darkness)


def _otsu(values: np.ndarray, bins: int = 128) -> float:
    """Otsu's threshold of values in 0..1: the split with the largest between-class variance."""
    counts, edges = np.histogram(values, bins=bins, range=(0.0, 1.0))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    variance = np.nan_to_num(below * above * gap**2)
    return float(edges[1:][int(np.argmax(variance))])
