"""Tissue masks: everything but bare glass, black where nothing was scanned, and felt pen."""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.slides.colours import Colours, Picture
from ssmamba.slides.fill import frame_mask
from ssmamba.slides.ink import black_mask, ink_mask, most_ink, share_of

LEAST_LIMIT = 0.035  # below this an even, bright pixel is glass (JPEG noise stays under it)
MOST_LIMIT = 0.12  # above this a pixel is tissue, whatever is around it
BINS = 128  # of the histogram in which the threshold is looked for
# How far a pixel is from white glass, 0..1, is the larger of two amounts: of its chroma, which
# unlike HSV saturation stays small where it is almost black, and of its darkness, for what is
# unstained but dark (pigment, grey images). Both for each value of a byte.
_CHROMA = np.arange(256, dtype=np.float32) / 255
_DARKNESS = np.clip(0.85 - _CHROMA, 0.0, 1.0)  # of the brightest of the three colours
_EDGES = np.linspace(0.0, 1.0, BINS + 1)[1:]  # the upper ones
_CENTRES = _EDGES - 0.5 / BINS
_BINS_OF_CHROMA, _BINS_OF_HIGHEST = (
    np.minimum(amounts * BINS, BINS - 1).astype(np.uint8) for amounts in (_CHROMA, _DARKNESS)
)


def tissue_mask(picture: Picture, tell_ink: bool = True, limit: float | None = None) -> np.ndarray:
    """Return a bool mask (H, W) of the tissue in an HWC uint8 RGB image.

    A pixel is tissue when its colour or its darkness stands out from the glass. The threshold is
    Otsu's on a combination of the two, clipped to a range that suits pale stains as well as
    images without any glass. Black and, unless ``tell_ink`` is False, the colours of felt pens
    (``ssmamba.slides.ink``) are no tissue, and have no part in the threshold. ``limit`` is taken
    in its place where it is given.
    """
    colours = Colours.of(picture)
    high, chroma = colours.high, colours.chroma
    other = black_mask(colours)
    if tell_ink:
        other |= ink_mask(colours)
    limit = _limit(colours, other) if limit is None else limit
    stained, dark = bytes_above(limit)
    found: np.ndarray = ((chroma >= stained) | (high <= dark)) & ~other
    return found


def bytes_above(limit: float) -> tuple[int, int]:
    """The least chroma, and the largest value of the brightest colour, that are above a limit."""
    dark = 255 - int(np.searchsorted(_DARKNESS[::-1], limit, "right"))
    return int(np.searchsorted(_CHROMA, limit, "right")), dark


def _limit(colours: Colours, other: np.ndarray) -> float:
    """The smallest amount of colour or darkness that is tissue, 0..1.

    other: (H, W) bool, what has no part in it.
    """
    bins = cv2.max(
        cv2.LUT(colours.chroma, _BINS_OF_CHROMA), cv2.LUT(colours.high, _BINS_OF_HIGHEST)
    )
    counts = cv2.calcHist([bins], [0], (~other).view(np.uint8), [BINS], [0, BINS])
    return min(max(_otsu(counts.ravel().astype(np.int64)), LEAST_LIMIT), MOST_LIMIT)


def tissue_of_slide(picture: np.ndarray) -> np.ndarray:
    """``tissue_mask`` of a picture of a whole slide, without the padding along its edges."""
    mask, padding = tissue_mask(picture), frame_mask(picture)
    return mask if padding is None else mask & ~padding


def tissue_fraction(picture: Picture, tell_ink: bool = True) -> float:
    """Share of an HWC uint8 RGB image that is tissue, 0..1."""
    colours = Colours.of(picture)
    return share_of(tissue_mask(colours, tell_ink)) if colours.rgb.size else 0.0


def has_tissue(picture: Picture, least: float, tell_ink: bool = True) -> bool:
    """Whether ``tissue_fraction`` reaches ``least``; quicker, as far as no threshold is needed."""
    colours = Colours.of(picture)
    if not colours.rgb.size:
        return least <= 0.0
    some = share_of(tissue_mask(colours, False, MOST_LIMIT))
    if some - (most_ink(colours) if tell_ink else 0.0) >= least:
        return True
    return tissue_fraction(colours, tell_ink) >= least


def _otsu(counts: np.ndarray) -> float:
    """Otsu's threshold of a histogram over 0..1: the split with the largest variance between."""
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * _CENTRES)
    gap = sums / np.maximum(below, 1) - (sums[-1] - sums) / np.maximum(above, 1)
    return float(_EDGES[int(np.argmax(below * above * gap**2))])
