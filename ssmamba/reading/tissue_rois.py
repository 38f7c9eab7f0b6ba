"""The pieces of tissue on a slide, as regions that can be classified."""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.errors import RoiError
from ssmamba.reading.tissue_map import TISSUE, tissue_map
from ssmamba.rois.roi import Ring, Roi
from ssmamba.slides.slide import Slide

CLOSE_PX = 15  # gaps up to this width, overview pixels, belong to the piece around them
OPEN_PX = 7  # what is thinner is dust
SMALLEST_SHARE = 0.002  # of the slide's area; smaller pieces are dust
SMALLEST_HOLE_SHARE = 0.005  # of the slide's area; in smaller ones windows of glass have no vote
ROUGHNESS_PX = 1.0  # outlines may leave the mask by this much, overview pixels


def tissue_rois(slide: Slide) -> list[Roi]:
    """One region for each piece of tissue, with its holes, largest first, level-0 pixels.

    Black padding and felt pen are no tissue. Raises RoiError when there is none, and for
    fluorescence on black, which has no glass to tell tissue from.
    """
    found = tissue_map(slide)
    if found.fluorescent:
        raise RoiError(
            "{name} is dark with little light in it, as fluorescence is, so no stained "
            "tissue can be found on it; draw a region instead.",
            name=slide.path.name,
        )
    mask = (found.kinds == TISSUE).astype(np.uint8)
    edge = CLOSE_PX  # else closing joins tissue with the edge of the picture
    mask = cv2.copyMakeBorder(mask, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=0)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(CLOSE_PX))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(OPEN_PX))
    mask = np.ascontiguousarray(mask[edge:-edge, edge:-edge])
    pieces = [p for p in _pieces(mask) if p[0] >= SMALLEST_SHARE * mask.size]
    if not pieces:
        raise RoiError(
            "No tissue was found on {name}; draw a region instead.", name=slide.path.name
        )
    pieces.sort(key=lambda piece: piece[0], reverse=True)
    return [
        Roi((tuple(_ring(contour, found.scale) for contour in contours),), name=f"tissue {number}")
        for number, (_, contours) in enumerate(pieces, start=1)
    ]


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
