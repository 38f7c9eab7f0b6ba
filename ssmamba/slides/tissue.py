"""Tissue masks: everything but bare glass, black where nothing was scanned, and felt pen."""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.slides.fill import frame_mask
from ssmamba.slides.ink import BLACK, ink_mask, share_of

GLASS_SATURATION = 0.035  # below this an even, bright pixel is glass (JPEG noise stays under it)
BINS = 128  # of the histogram in which the threshold is looked for
# How far a pixel is from white glass, 0..1, is the larger of two amounts: of its chroma, which
# unlike HSV saturation stays small where it is almost black, and of its darkness, for what is
# unstained but dark (pigment, grey images). Both for each value of a byte.
_CHROMA = np.arange(256, dtype=np.float32) / 255
_DARKNESS = np.clip(0.85 - _CHROMA, 0.0, 1.0)  # of the brightest of the three colours
_BINS_OF_CHROMA, _BINS_OF_HIGHEST = (
    np.minimum(amounts * BINS, BINS - 1).astype(np.uint8) for amounts in (_CHROMA, _DARKNESS)
)


def tissue_mask(rgb: np.ndarray, tell_ink: bool = True) -> np.ndarray:
    """Return a bool mask (H, W) of the tissue in an HWC uint8 RGB image.

    A pixel is tissue when its colour or its darkness stands out from the glass. The threshold is
    Otsu's on a combination of the two, clipped to a range that suits pale stains as well as
    images without any glass. Black and, unless ``tell_ink`` is False, the colours of felt pens
    (``ssmamba.slides.ink``) are no tissue, and have no part in the threshold.
    """
    red, green, blue = cv2.split(rgb)
    high = cv2.max(cv2.max(red, green), blue)
    chroma = high - cv2.min(cv2.min(red, green), blue)
    other = high < BLACK * 255
    if tell_ink:
        other |= ink_mask(rgb)
    bins = cv2.max(cv2.LUT(chroma, _BINS_OF_CHROMA), cv2.LUT(high, _BINS_OF_HIGHEST))
    counts = cv2.calcHist([bins], [0], (~other).view(np.uint8), [BINS], [0, BINS])
    limit = float(np.clip(_otsu(counts.ravel().astype(np.int64)), GLASS_SATURATION, 0.12))
    stained, dark = ((limit < amounts).view(np.uint8) for amounts in (_CHROMA, _DARKNESS))
    found = cv2.bitwise_or(cv2.LUT(chroma, stained), cv2.LUT(high, dark)).view(bool)
    return found & ~other


def tissue_of_slide(picture: np.ndarray) -> np.ndarray:
    """``tissue_mask`` of a picture of a whole slide, without the padding along its edges."""
    mask, padding = tissue_mask(picture), frame_mask(picture)
    return mask if padding is None else mask & ~padding


def tissue_fraction(rgb: np.ndarray, tell_ink: bool = True) -> float:
    """Share of an HWC uint8 RGB image that is tissue, 0..1."""
    return share_of(tissue_mask(rgb, tell_ink)) if rgb.size else 0.0


def _otsu(counts: np.ndarray) -> float:
    """Otsu's threshold of a histogram over 0..1: the split with the largest variance between."""
    edges = np.linspace(0.0, 1.0, len(counts) + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    variance = np.nan_to_num(below * above * gap**2)
    return float(edges[1:][int(np.argmax(variance))])
