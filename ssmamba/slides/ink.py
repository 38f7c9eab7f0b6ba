"""What lies on a slide besides tissue: felt pen, and black where nothing was scanned.

Colours are compared after averaging, so that single nuclei and red cells do not count. The limits
were read off pens and real tissue: of 10,000 fields of LC25000, of the blood smears and of three
H&E slides none had a tenth of its area in the colour of ink; of 486 breast fields two, with ink.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

BLACK = 0.03  # of white: padding and the ground of fluorescence are below, black ink is above
DARK = 0.22  # a black pen lets less light through
GREY = 0.1  # chroma below which a dark place is black ink, above which it is a nucleus or a fold
CELLS = 56  # a picture is averaged to about this many places a side


def share_of(mask: np.ndarray) -> float:
    """Share of a bool mask that is set, 0..1; ten times as fast as its mean."""
    return cv2.countNonZero(np.ascontiguousarray(mask).view(np.uint8)) / mask.size


def black_mask(rgb: np.ndarray) -> np.ndarray:
    """Where no light came through, (H, W) bool, of HWC uint8 RGB."""
    red, green, blue = cv2.split(rgb)
    return cv2.max(cv2.max(red, green), blue) < BLACK * 255


def ink_mask(rgb: np.ndarray) -> np.ndarray:
    """Where an HWC RGB picture, uint8 or float32 0..255, has the colour of a felt pen, (H, W) bool.

    For stains of red, violet and brown, such as H&E; the blue and green of a trichrome are taken
    for ink. Single dark pixels of a fine picture count too: see ``ink_share``.
    """
    red, green, blue = cv2.split(rgb)
    high, low = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    whole = rgb.dtype == np.uint8

    def level(share: float) -> float:
        return math.floor(share * 255) if whole else share * 255  # whole numbers compare quickly

    def exceeds(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
        """Where first - second is above a share of white; bytes saturate at 0."""
        if share < 0:
            return np.asarray(cv2.subtract(second, first) < -level(share))
        return np.asarray(cv2.subtract(first, second) > level(share))

    is_green = exceeds(green, red, 0.08) & exceeds(green, blue, -0.06)
    is_blue = exceeds(blue, red, 0.3) & exceeds(green, red, 0.1)
    is_red = exceeds(red, blue, 0.4) & exceeds(red, green, 0.5) & (blue <= level(0.35))
    is_black = (high <= level(DARK)) & (high > level(BLACK))
    is_black &= cv2.subtract(high, low) <= level(GREY)
    found: np.ndarray = is_green | is_blue | is_red | is_black
    return found


def ink_share(rgb: np.ndarray) -> float:
    """Share of an HWC uint8 RGB picture that is felt pen, 0..1."""
    return share_of(ink_mask(_averaged(rgb))) if rgb.size else 0.0


def black_share(rgb: np.ndarray) -> float:
    """Share of an HWC uint8 RGB picture that is black, 0..1."""
    return share_of(black_mask(rgb)) if rgb.size else 0.0


def _averaged(rgb: np.ndarray) -> np.ndarray:
    """Means of squares, about CELLS a side, HWC float32 0..255."""
    step = max(1, min(rgb.shape[:2]) // CELLS)
    rows, columns = rgb.shape[0] // step, rgb.shape[1] // step
    part = rgb[: rows * step, : columns * step].astype(np.float32)
    if step == 1:
        return part
    return cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
