"""The pieces of tissue on a slide, as regions that can be classified."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Ring, Roi
from ssmamba.slides.ink import DARK, ink_mask
from ssmamba.slides.slide import Slide
from ssmamba.slides.tissue import tissue_mask

OVERVIEW_PX2 = 2**20  # pixels of the picture in which tissue is looked for, whatever its shape
BLOCK_PX = 1024  # the picture is read in squares of at most this side
CLOSE_PX = 15  # gaps up to this width, overview pixels, belong to the piece around them
OPEN_PX = 7  # what is thinner is dust
SMALLEST_SHARE = 0.002  # of the slide's area; smaller pieces are dust
SMALLEST_HOLE_SHARE = 0.005  # of the slide's area; in smaller ones windows of glass have no vote
ROUGHNESS_PX = 1.0  # outlines may leave the mask by this much, overview pixels
INK_RIM_PX = 9  # around a stroke, its pale rim
MOSTLY_INK = 0.3  # of a piece: then the rest is the stroke's pale or dark parts
FLUORESCENT_DARK = 0.5  # of a slide
FLUORESCENT_BRIGHT = 100  # grey value; little of what is not dark is brighter in fluorescence


def tissue_rois(slide: Slide) -> list[Roi]:
    """One region for each piece of tissue, with its holes, largest first, level-0 pixels.

    Black padding and felt pen are no tissue. Raises RoiError when there is none, and for
    fluorescence on black, which has no glass to tell tissue from.
    """
    overview, scale = _overview(slide)
    if _is_fluorescence(overview):
        raise RoiError(
            f"{slide.path.name} is dark with little light in it, as fluorescence is, so no stained "
            "tissue can be found on it; draw a region instead."
        )
    mask = _clean_mask(overview)
    edge = CLOSE_PX  # else closing joins tissue with the edge of the picture
    mask = cv2.copyMakeBorder(mask, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=0)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(CLOSE_PX))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(OPEN_PX))
    mask = np.ascontiguousarray(mask[edge:-edge, edge:-edge])
    pieces = [p for p in _pieces(mask) if p[0] >= SMALLEST_SHARE * mask.size]
    if not pieces:
        raise RoiError(f"No tissue was found on {slide.path.name}; draw a region instead.")
    pieces.sort(key=lambda piece: piece[0], reverse=True)
    return [
        Roi((tuple(_ring(contour, scale) for contour in contours),), name=f"tissue {number}")
        for number, (_, contours) in enumerate(pieces, start=1)
    ]


def _overview(slide: Slide) -> tuple[np.ndarray, float]:
    """The whole slide as HWC uint8 RGB, and level-0 pixels per pixel of it."""
    width, height = slide.dimensions
    scale = max(1.0, math.sqrt(width * height / OVERVIEW_PX2))
    scale = min(scale, float(min(width, height)))
    columns, rows = max(1, int(width / scale)), max(1, int(height / scale))
    picture = np.empty((rows, columns, 3), np.uint8)
    block = min(BLOCK_PX, rows, columns)
    for y in _starts(rows, block):
        for x in _starts(columns, block):
            square = slide.read_window(x * scale, y * scale, block * scale, block)
            picture[y : y + block, x : x + block] = square
    return picture, scale


def _starts(length: int, block: int) -> list[int]:
    """Where blocks begin that cover a length; the last one may overlap its neighbour."""
    return [*range(0, length - block, block), length - block]


def _is_fluorescence(rgb: np.ndarray) -> bool:
    dark = rgb.max(axis=-1) < DARK * 255
    lit = rgb.mean(axis=-1)[~dark]
    mostly_dark = float(dark.mean()) > FLUORESCENT_DARK
    return mostly_dark and (not lit.size or float((lit > FLUORESCENT_BRIGHT).mean()) < 0.5)


def _clean_mask(rgb: np.ndarray) -> np.ndarray:
    """Tissue without the rims of strokes and what hangs on them, (H, W) uint8 of 0 and 1."""
    tissue = tissue_mask(rgb).astype(np.uint8)
    ink = cv2.morphologyEx(ink_mask(rgb).astype(np.uint8), cv2.MORPH_OPEN, _disc(3))
    if not ink.any():
        return tissue
    number, labels = cv2.connectedComponents(cv2.bitwise_or(tissue, ink))
    flat = labels.ravel()
    sizes = np.bincount(flat, minlength=number)
    inked = np.bincount(flat, ink.ravel(), number) > MOSTLY_INK * sizes
    inked[0] = False
    rims = cv2.dilate(ink, _disc(INK_RIM_PX)) > 0
    return tissue * ~(rims | inked[labels])


def _pieces(mask: np.ndarray) -> list[tuple[float, list[np.ndarray]]]:
    """Area, without its holes, and contours of each piece: its outline, then its holes."""
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    pieces = []
    for at, contour in enumerate(contours):
        if tree[0, at, 3] >= 0 or cv2.contourArea(contour) == 0:
            continue  # a hole; or a line
        holes, child = [], tree[0, at, 2]
        while child >= 0:
            if cv2.contourArea(contours[child]) >= SMALLEST_HOLE_SHARE * mask.size:
                holes.append(contours[child])
            child = tree[0, child, 0]
        area = cv2.contourArea(contour) - sum(map(cv2.contourArea, holes))
        pieces.append((area, [contour, *holes]))
    return pieces


def _disc(size: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _ring(contour: np.ndarray, scale: float) -> Ring:
    smooth = cv2.approxPolyDP(contour, ROUGHNESS_PX, closed=True)[:, 0, :]
    return tuple(((float(x) + 0.5) * scale, (float(y) + 0.5) * scale) for x, y in smooth)
