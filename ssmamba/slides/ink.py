"""What lies on a slide besides tissue: felt pen, and black where nothing was scanned.

Colours are compared after averaging, so that single nuclei and red cells do not count. The limits
were read off pens and real tissue: of 10,000 fields of LC25000, of the blood smears and of three
H&E slides none had a tenth of its area in the colour of ink; of 486 breast fields two, with ink.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ssmamba.slides.colours import Colours, Picture

BLACK = 0.03  # of white: padding and the ground of fluorescence are below, black ink is above
DARK = 0.22  # a black pen lets less light through
GREY = 0.1  # chroma below which a dark place is black ink, above which it is a nucleus or a fold
CELLS = 56  # a picture is averaged to about this many places a side
# How much one colour is above another in ink, of white: green and blue pens, then red ones.
GREEN_RED, GREEN_BLUE, BLUE_RED, GREEN_RED_BLUE = 0.08, 0.06, 0.3, 0.1
RED_BLUE, LEAST_BLUE, RED_GREEN = 0.4, 0.35, 0.5


def share_of(mask: np.ndarray) -> float:
    """Share of a bool mask that is set, 0..1; ten times as fast as its mean."""
    return cv2.countNonZero(np.ascontiguousarray(mask).view(np.uint8)) / mask.size


def black_mask(picture: Picture) -> np.ndarray:
    """Where no light came through, (H, W) bool, of HWC uint8 RGB."""
    found: np.ndarray = Colours.of(picture).high <= math.floor(BLACK * 255)
    return found


def ink_mask(picture: Picture) -> np.ndarray:
    """Where an HWC RGB picture, uint8 or float32 0..255, has the colour of a felt pen, (H, W) bool.

    For stains of red, violet and brown, such as H&E; the blue and green of a trichrome are taken
    for ink. Single dark pixels of a fine picture count too: see ``ink_share``.
    """
    return _ink(Colours.of(picture))


def _ink(colours: Colours, slack: float = 0.0) -> np.ndarray:
    """``ink_mask`` with limits that are wider by ``slack``, in the picture's own values.

    What hangs on a difference that is nowhere large enough is not computed: most of a stained
    slide is nowhere near to ink.
    """
    red, green, blue = colours.red, colours.green, colours.blue
    whole = red.dtype == np.uint8

    def level(share: float) -> float:
        limit = share * 255
        return math.floor(limit) if whole else limit  # whole numbers compare quickly

    found = np.zeros(red.shape, bool)
    green_red = cv2.subtract(green, red)  # bytes saturate at 0
    if green_red.max(initial=0) > level(GREEN_RED) - slack:
        green_like = cv2.subtract(blue, green) < -level(-GREEN_BLUE) + slack
        found |= (green_red > level(GREEN_RED) - slack) & green_like
        blue_red = cv2.subtract(blue, red) > level(BLUE_RED) - slack
        found |= blue_red & (green_red > level(GREEN_RED_BLUE) - slack)
    red_blue = cv2.subtract(red, blue)
    if red_blue.max(initial=0) > level(RED_BLUE) - slack:
        is_red = (red_blue > level(RED_BLUE) - slack) & (blue <= level(LEAST_BLUE) + slack)
        found |= is_red & (cv2.subtract(red, green) > level(RED_GREEN) - slack)
    if red.min(initial=255) <= level(DARK) + slack:
        is_black = (colours.high <= level(DARK) + slack) & (colours.high > level(BLACK) - slack)
        found |= is_black & (colours.chroma <= level(GREY) + slack)
    return found


def ink_share(picture: Picture, least: float = 0.0) -> float:
    """Share of an HWC uint8 RGB picture that is felt pen, 0..1.

    What is not above ``least`` may be told as any share up to it: that is quicker.
    """
    rgb = _whole_squares(Colours.of(picture).rgb)
    if not rgb.size:
        return 0.0
    halvings = step_px(rgb).bit_length() - 1
    if step_px(rgb) == 1 << halvings:
        # bytes are halved quickly, each time off by half a byte: a difference by one
        small = rgb
        for _ in range(halvings):
            size = small.shape[1] // 2, small.shape[0] // 2
            small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        most = share_of(_ink(Colours(small), slack=halvings))
        if most <= least:
            return most
    return share_of(ink_mask(_averaged(rgb.astype(np.float32))))


def most_ink(picture: Picture) -> float:
    """A share that ``ink_mask`` of an HWC uint8 RGB picture does not exceed; found quickly."""
    colours = Colours.of(picture)
    green_like = cv2.subtract(colours.green, colours.red) > math.floor(GREEN_RED * 255)
    red_like = cv2.subtract(colours.red, colours.blue) > math.floor(RED_BLUE * 255)
    black_like = colours.high <= math.floor(DARK * 255)
    shares = sum(map(share_of, (green_like, red_like, black_like)))
    return shares + 1e-9  # shares that are added are rounded otherwise than one that is counted


def black_share(picture: Picture) -> float:
    """Share of an HWC uint8 RGB picture that is black, 0..1."""
    colours = Colours.of(picture)
    return share_of(black_mask(colours)) if colours.rgb.size else 0.0


def step_px(rgb: np.ndarray) -> int:
    """Side of the squares over which a picture's colours are averaged."""
    return max(1, min(rgb.shape[:2]) // CELLS)


def _whole_squares(rgb: np.ndarray) -> np.ndarray:
    """The part of a picture that is squares of about 1 / CELLS of its shorter side."""
    step = step_px(rgb)
    return rgb[: rgb.shape[0] // step * step, : rgb.shape[1] // step * step]


def _averaged(rgb: np.ndarray) -> np.ndarray:
    """Means of these squares, HWC as the picture's numbers are."""
    step = step_px(rgb)
    if step == 1:
        return rgb
    size = rgb.shape[1] // step, rgb.shape[0] // step
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
