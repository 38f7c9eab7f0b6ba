"""What hides windows from a model, found by a compiled first look at all of them at once.

Most tissue is seen to be hidden by nothing. Where a figure is near to one of its limits nothing is
told, and ``ssmamba.inference.sight.look`` has a closer look: the answers are the same as its own,
whether the kernels are there or not.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import cv2
import numpy as np

from ssmamba.inference import sight
from ssmamba.kernels import layout as p
from ssmamba.kernels import library
from ssmamba.reading.values import Doubt
from ssmamba.slides import fluorescence, ink, padding, tissue

SMALLEST_PX, LARGEST_PX = 32, 2048  # sides of pictures of which figures are made
MARGIN = 1.01  # around a limit: sums are rounded otherwise than OpenCV's
SLACK = 0.01  # of a byte's values, for the same reason
BLUR_PX = 9  # of OpenCV's GaussianBlur with a standard deviation of 1 px


def obstacles(images: Sequence[np.ndarray], stain: str) -> list[Doubt]:
    """What ``look`` finds in the way of a vote in each of N windows, (H, W, 3) uint8 RGB."""
    clear = are_clear(images, stain)
    return [
        "" if is_clear else sight.look(image, stain, measured=False).obstacle
        for image, is_clear in zip(images, clear, strict=True)
    ]


def are_clear(images: Sequence[np.ndarray], stain: str) -> np.ndarray:
    """Which of N windows, (H, W, 3) uint8 RGB, are hidden by nothing, as far as that is certain.

    (N,) bool; all False where the kernels are not there.
    """
    shapes = {image.shape for image in images}
    sides = [side for shape in shapes for side in shape[:2]]
    if not library.is_loaded() or len(shapes) != 1:
        return np.zeros(len(images), bool)
    if min(sides) < SMALLEST_PX or max(sides) > LARGEST_PX:
        return np.zeros(len(images), bool)
    inked, bare = sight.knows_ink(stain), sight.knows_glass(stain)
    high, wide = images[0].shape[:2]
    step = ink.step_px(images[0]) if inked else 0
    found = _figures(images, step).T
    pixels = high * wide
    ink_pixels = found[p.SEEN_INK] if inked else np.zeros(len(images))
    clear = found[p.SEEN_VARIANCE] >= 9 * MARGIN * sight.BLANK_CONTRAST**2
    clear &= found[p.SEEN_DETAIL] >= _enough_detail(pixels)
    clear &= found[p.SEEN_NEAR] >= MARGIN * sight.SHARPNESS_LIMIT * found[p.SEEN_FAR]
    if inked or bare:
        clear &= pixels - found[p.SEEN_LIGHT] <= fluorescence.GROUND * pixels
    if inked:  # stray ink counts beside glass and blur alone, which the other figures rule out
        squares = (high // step) * (wide // step)
        clear &= found[p.SEEN_INK_SQUARES] <= sight.INK_LIMIT * squares
    if bare:
        clear &= found[p.SEEN_TISSUE] - ink_pixels >= MARGIN * sight.GLASS_LIMIT * pixels
        clear &= pixels - found[p.SEEN_LIT] <= sight.BLACK_LIMIT * pixels
        clear &= found[p.SEEN_EDGE] < padding.contact_px((high, wide))
    return clear


def _figures(images: Sequence[np.ndarray], step: int) -> np.ndarray:
    """(N, SEEN_SIZE) float64. step: side of the squares in which ink is looked for, 0 for none."""
    pictures = [np.ascontiguousarray(image) for image in images]
    high, wide = pictures[0].shape[:2]
    places = np.array([picture.ctypes.data for picture in pictures], np.int64)
    found = np.empty((len(pictures), p.SEEN_SIZE))
    scratch = np.empty(p.glance_floats(high, wide), np.float32)
    weights, limits = cv2.getGaussianKernel(BLUR_PX, 1.0, cv2.CV_32F), _ink_limits(step)
    stained, shaded = tissue.bytes_above(tissue.MOST_LIMIT)
    plan = (ctypes.c_int64 * p.GLANCE_SIZE)(
        len(pictures), places.ctypes.data, high, wide, found.ctypes.data,
        _byte(ink.DARK), _byte(ink.BLACK), shaded, _byte(padding.BRIGHT), padding.NEUTRAL,
        _byte(ink.GREEN_RED), _byte(ink.RED_BLUE), stained,
        step, limits.ctypes.data, weights.ctypes.data, math.ceil(_enough_detail(high * wide)),
        scratch.ctypes.data,
    )  # fmt: skip
    library.get("glance").call(plan)
    return found


def _enough_detail(pixels: int) -> float:
    """Squares of the detail of the sums of three colours, added up over a picture."""
    return 9 * MARGIN * sight.DETAIL_LIMIT**2 * pixels


def _byte(share: float) -> int:
    return math.floor(share * 255)


def _ink_limits(step: int) -> np.ndarray:
    """Limits of ``ink`` for sums over squares, in the kernel's order, wider by ``SLACK``; int64."""
    most, least = SLACK, -SLACK
    shares = (
        (ink.GREEN_RED, least), (ink.GREEN_BLUE, most), (ink.BLUE_RED, least),
        (ink.GREEN_RED_BLUE, least), (ink.RED_BLUE, least), (ink.LEAST_BLUE, most),
        (ink.RED_GREEN, least), (ink.DARK, most), (ink.BLACK, least), (ink.GREY, most),
    )  # fmt: skip
    return np.array([math.floor(step**2 * (255 * s + slack)) for s, slack in shares], np.int64)
