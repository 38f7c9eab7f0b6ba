"""Padding that is not grey and even: one colour, or a mid grey with the noise of a camera in it.

It is looked for in pictures of whole slides alone, along their edges, where the frame of a scan is.
Tissue is told from it by its texture: a fill has one colour from end to end.
"""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.slides.padding import BRIGHT, EVEN, NEUTRAL, padding_mask

CONTACT = 2  # a fill lies along at least 1 / CONTACT of the shorter side
TINTED, COLOURED = 9, 30  # smallest difference of the colours, bytes: of what is dark, and bright
MOST = 0.9  # of a picture; what fills more is no frame of anything
NOISE = 8.0  # largest standard deviation of a grey fill, bytes
AROUND_PX = 7  # side of the square in which the noise is measured
ONE_COLOUR, ONE_GREY = 2, 6  # largest difference within a fill, bytes, of each channel
RIM_PX = 4  # around it, where it is mixed with its surroundings


def frame_mask(rgb: np.ndarray) -> np.ndarray | None:
    """Where an HWC uint8 RGB picture of a slide is padding of any kind, (H, W) bool, or None."""
    grey, fill = padding_mask(rgb), fill_mask(rgb)
    return grey | fill if grey is not None and fill is not None else grey if fill is None else fill


def fill_mask(rgb: np.ndarray) -> np.ndarray | None:
    """Where an HWC uint8 RGB picture of a slide is filled, (H, W) bool; None where it is not."""
    contact = max(2 * AROUND_PX, min(rgb.shape[:2]) // CONTACT)
    if min(rgb.shape[:2]) < contact or not any(_may_be(strip, contact) for strip in _strips(rgb)):
        return None
    found = np.zeros(rgb.shape[:2], np.uint8)
    smooth = cv2.blur(rgb, (AROUND_PX, AROUND_PX))
    kinds = (_coloured(rgb), rgb, ONE_COLOUR), (_noisy(rgb), smooth, ONE_GREY)
    for candidates, colours, most in kinds:
        number, labels = cv2.connectedComponents(candidates.view(np.uint8))
        touching = np.zeros(number, np.int64)
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            touching = np.maximum(touching, np.bincount(edge, minlength=number))
        for label in np.flatnonzero(touching[1:] >= contact) + 1:
            inside = labels == label
            low, high = np.percentile(colours[inside], (1, 99), axis=0)
            if np.all(high - low <= most):
                found |= inside
    if not 0 < found.mean() <= MOST:
        return None
    rim = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    return cv2.dilate(found, rim).view(bool)


def _strips(rgb: np.ndarray) -> list[np.ndarray]:
    """The edges of a picture."""
    width = 2 * AROUND_PX
    return [rgb[:width], rgb[-width:], rgb[:, :width], rgb[:, -width:]]


def _may_be(strip: np.ndarray, contact: int) -> bool:
    found = _coloured(strip) | _noisy(strip)
    return max(np.count_nonzero(found, axis=axis).max() for axis in (0, 1)) >= contact


def _coloured(rgb: np.ndarray) -> np.ndarray:
    """What is even and of a colour."""
    box = np.ones((3, 3), np.uint8)
    channels: list[np.ndarray] = list(cv2.split(np.ascontiguousarray(rgb)))
    uneven = [cv2.morphologyEx(channel, cv2.MORPH_GRADIENT, box) > EVEN for channel in channels]
    spread, high = _spread(channels), cv2.max(cv2.max(*channels[:2]), channels[2])
    stained = (spread >= COLOURED) | ((spread >= TINTED) & (high < BRIGHT * 255))
    return stained & ~np.any(uneven, axis=0)


def _noisy(rgb: np.ndarray) -> np.ndarray:
    """What is grey and dark enough on average, with no more than noise around."""
    size = (AROUND_PX, AROUND_PX)
    means = [cv2.blur(c.astype(np.float32), size) for c in cv2.split(np.ascontiguousarray(rgb))]
    squares = [cv2.sqrBoxFilter(c, cv2.CV_32F, size) for c in cv2.split(np.ascontiguousarray(rgb))]
    calm = [square - mean**2 <= NOISE**2 for square, mean in zip(squares, means, strict=True)]
    high = np.maximum.reduce(means)
    return np.all(calm, axis=0) & (_spread(means) <= NEUTRAL) & (high < BRIGHT * 255)


def _spread(channels: list[np.ndarray]) -> np.ndarray:
    red, green, blue = channels
    high, low = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    return np.asarray(high - low)
