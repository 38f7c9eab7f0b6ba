"""What hides windows from a model, found by a compiled first look at all of them at once.

Most tissue is seen to be hidden by nothing. Where a figure is near to one of its limits nothing is
told, and ``ssmamba.inference.sight`` has a closer look, at that alone where it can: the answers are
the same as those of its ``look``, whether the kernels are there or not.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import NamedTuple

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


class Look(NamedTuple):
    """What is certain about N windows, (N,) bool each; the closer look answers the rest."""

    fine: np.ndarray  # nothing hides them, but for what is asked by the others
    dark: np.ndarray  # might be fluorescence
    plain: np.ndarray  # might have no detail
    bare: np.ndarray  # might be glass


def obstacles(images: Sequence[np.ndarray], stain: str) -> list[Doubt]:
    """What ``look`` finds in the way of a vote in each of N windows, (H, W, 3) uint8 RGB."""
    found = first_look(images, stain)
    return [
        ""
        if fine and sight.passes(image, stain, *asked)
        else sight.look(image, stain, measured=False).obstacle
        for image, fine, *asked in zip(images, *map(np.ndarray.tolist, found), strict=True)
    ]


def are_clear(images: Sequence[np.ndarray], stain: str) -> np.ndarray:
    """Which of N windows, (H, W, 3) uint8 RGB, are hidden by nothing, as far as that is certain.

    (N,) bool; all False where the kernels are not there.
    """
    found = first_look(images, stain)
    return found.fine & ~(found.dark | found.plain | found.bare)


def first_look(images: Sequence[np.ndarray], stain: str) -> Look:
    """Look at N windows, (H, W, 3) uint8 RGB; nothing is certain without the kernels."""
    shapes = {image.shape for image in images}
    sides = [side for shape in shapes for side in shape[:2]]
    nothing = np.zeros(len(images), bool)
    if not library.is_loaded() or len(shapes) != 1:
        return Look(nothing, nothing, nothing, nothing)
    if min(sides) < SMALLEST_PX or max(sides) > LARGEST_PX:
        return Look(nothing, nothing, nothing, nothing)
    inked, glass = sight.knows_ink(stain), sight.knows_glass(stain)
    high, wide = images[0].shape[:2]
    step = ink.step_px(images[0]) if inked else 0
    found = _figures(images, step).T
    pixels = high * wide
    ink_pixels = found[p.SEEN_INK] if inked else np.zeros(len(images))
    dark = bare = nothing
    fine = found[p.SEEN_VARIANCE] >= 9 * MARGIN * sight.BLANK_CONTRAST**2
    fine &= found[p.SEEN_NEAR] >= MARGIN * sight.SHARPNESS_LIMIT * found[p.SEEN_FAR]
    plain = found[p.SEEN_DETAIL] < _enough_detail(pixels)
    if inked or glass:
        dark = pixels - found[p.SEEN_LIGHT] > fluorescence.GROUND * pixels
    if inked:  # stray ink counts beside glass and blur alone, which the other figures rule out
        squares = (high // step) * (wide // step)
        fine &= found[p.SEEN_INK_SQUARES] <= sight.INK_LIMIT * squares
    if glass:
        bare = found[p.SEEN_TISSUE] - ink_pixels < MARGIN * sight.GLASS_LIMIT * pixels
        fine &= pixels - found[p.SEEN_LIT] <= sight.BLACK_LIMIT * pixels
        fine &= found[p.SEEN_EDGE] < padding.contact_px((high, wide))
    return Look(fine, dark, plain, bare)


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
