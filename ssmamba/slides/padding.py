"""Padding that scanners and converters put where nothing was scanned: even grey, or almost black.

It lies along the edge of the picture. Exactly black padding is told by its colour alone
(``ssmamba.slides.ink``), wherever it lies.
"""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.slides.ink import BLACK, DARK, GREY

BRIGHT = 0.85  # from here on a neutral place is glass anyway
NEUTRAL = 3  # largest difference of the colours, bytes
EVEN = 1  # largest difference within 3 × 3 px, bytes; stain, glass and grain have more
CONTACT = 8  # padding lies along at least 1 / CONTACT of the shorter side
RIM_PX = 2  # around it, where it is mixed with its surroundings


def padding_mask(rgb: np.ndarray, dark_too: bool = True) -> np.ndarray | None:
    """Where an HWC uint8 RGB picture is padding, (H, W) bool; None where there is none.

    dark_too: take what is dark and neutral for padding, even or not, which strokes of a black pen
    are as well.
    """
    contact = max(2, min(rgb.shape[:2]) // CONTACT)
    edges = (rgb[:1], rgb[-1:], rgb[:, :1], rgb[:, -1:])
    if max(np.count_nonzero(_neutral(edge, dark_too)) for edge in edges) < contact:
        return None
    found = _neutral(rgb, dark_too)
    box = np.ones((3, 3), np.uint8)
    uneven = [
        cv2.morphologyEx(c, cv2.MORPH_GRADIENT, box) > EVEN
        for c in cv2.split(np.ascontiguousarray(rgb))
    ]
    even = ~np.any(uneven, axis=0)
    found &= even | _dark(rgb) if dark_too else even
    number, labels = cv2.connectedComponents(found.astype(np.uint8))
    touching = np.zeros(number, np.int64)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touching = np.maximum(touching, np.bincount(edge, minlength=number))
    touching[0] = 0
    if touching.max(initial=0) < contact:
        return None
    padding = (touching >= contact)[labels].astype(np.uint8)
    rim = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    return cv2.dilate(padding, rim).view(bool)


def padding_share(rgb: np.ndarray) -> float:
    """Share of an HWC uint8 RGB picture that is even grey padding, 0..1."""
    found = padding_mask(rgb, dark_too=False)
    return 0.0 if found is None else float(found.mean())


def _neutral(rgb: np.ndarray, dark_too: bool) -> np.ndarray:
    """What may be padding by its colour, (H, W) bool."""
    high, spread = _range(rgb)
    found = (spread <= NEUTRAL) & (high < BRIGHT * 255) & (high >= BLACK * 255)
    return np.asarray(found | _dark(rgb) if dark_too else found)


def _dark(rgb: np.ndarray) -> np.ndarray:
    high, spread = _range(rgb)
    return np.asarray((high <= DARK * 255) & (spread <= GREY * 255))


def _range(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The brightest of the three colours, and how far the darkest is from it."""
    red, green, blue = _split(rgb)
    high = cv2.max(cv2.max(red, green), blue)
    return high, high - cv2.min(cv2.min(red, green), blue)


def _split(rgb: np.ndarray) -> list[np.ndarray]:
    return list(cv2.split(np.ascontiguousarray(rgb)))
