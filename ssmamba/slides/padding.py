"""Padding that scanners and converters put where nothing was scanned: even grey, or almost black.

It lies along the edge of the picture. Exactly black padding is told by its colour alone
(``ssmamba.slides.ink``), wherever it lies.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ssmamba.slides.colours import Colours, Picture
from ssmamba.slides.ink import BLACK, DARK, GREY

BRIGHT = 0.85  # from here on a neutral place is glass anyway
NEUTRAL = 3  # largest difference of the colours, bytes
EVEN = 1  # largest difference within 3 × 3 px, bytes; stain, glass and grain have more
CONTACT = 8  # padding lies along at least 1 / CONTACT of the shorter side
RIM_PX = 2  # around it, where it is mixed with its surroundings


def padding_mask(picture: Picture, dark_too: bool = True) -> np.ndarray | None:
    """Where an HWC uint8 RGB picture is padding, (H, W) bool; None where there is none.

    dark_too: take what is dark and neutral for padding, even or not, which strokes of a black pen
    are as well.
    """
    colours = Colours.of(picture)
    high, chroma = colours.high, colours.chroma
    contact = contact_px(high.shape)
    edges = (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:])
    neutral = (_neutral(high[edge], chroma[edge], dark_too) for edge in edges)
    if max(map(np.count_nonzero, neutral)) < contact:
        return None
    found = _neutral(high, chroma, dark_too)
    box = np.ones((3, 3), np.uint8)
    planes = colours.red, colours.green, colours.blue
    uneven = [cv2.morphologyEx(c, cv2.MORPH_GRADIENT, box) > EVEN for c in planes]
    even = ~np.any(uneven, axis=0)
    found &= even | _dark(high, chroma) if dark_too else even
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


def contact_px(shape: tuple[int, ...]) -> int:
    """Pixels along an edge of a picture (H, W) from which on what lies there may be padding."""
    return max(2, min(shape) // CONTACT)


def padding_share(picture: Picture) -> float:
    """Share of an HWC uint8 RGB picture that is even grey padding, 0..1."""
    found = padding_mask(picture, dark_too=False)
    return 0.0 if found is None else float(found.mean())


def _neutral(high: np.ndarray, chroma: np.ndarray, dark_too: bool) -> np.ndarray:
    """What may be padding by its colour, of the brightest of the three and how far they differ."""
    bright, black = math.floor(BRIGHT * 255), math.floor(BLACK * 255)  # neither is a whole number
    found = (chroma <= NEUTRAL) & (high <= bright) & (high > black)
    return np.asarray(found | _dark(high, chroma) if dark_too else found)


def _dark(high: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    return np.asarray((high <= math.floor(DARK * 255)) & (chroma <= math.floor(GREY * 255)))
