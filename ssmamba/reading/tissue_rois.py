"""The pieces of tissue on a slide, as regions that can be classified."""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Ring, Roi
from ssmamba.slides.slide import Slide
from ssmamba.slides.tissue import tissue_mask

OVERVIEW_PX = 1024  # longest side of the picture in which tissue is looked for
CLOSE_PX = 7  # gaps up to this width, overview pixels, belong to the piece around them
SMALLEST_SHARE = 0.002  # of the slide's area; smaller pieces are dust
ROUGHNESS_PX = 1.0  # outlines may leave the mask by this much, overview pixels


def tissue_rois(slide: Slide) -> list[Roi]:
    """One region for each piece of tissue, largest first, level-0 pixels.

    Raises RoiError when there is none.
    """
    overview, scale = _overview(slide)
    mask: np.ndarray = tissue_mask(overview).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSE_PX, CLOSE_PX))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    large = [c for c in contours if cv2.contourArea(c) >= SMALLEST_SHARE * mask.size]
    if not large:
        raise RoiError(f"No tissue was found on {slide.path.name}; draw a region instead.")
    large.sort(key=cv2.contourArea, reverse=True)
    return [
        Roi(((_ring(contour, scale),),), name=f"tissue {number}")
        for number, contour in enumerate(large, start=1)
    ]


def _overview(slide: Slide) -> tuple[np.ndarray, float]:
    """The whole slide as HWC uint8 RGB, and level-0 pixels per pixel of it."""
    width, height = slide.dimensions
    side = float(max(width, height))
    out_px = min(OVERVIEW_PX, int(side))
    square = slide.read_window(0.0, 0.0, side, out_px)  # white where the slide ends
    scale = side / out_px
    return square[: max(1, int(height / scale)), : max(1, int(width / scale))], scale


def _ring(contour: np.ndarray, scale: float) -> Ring:
    smooth = cv2.approxPolyDP(contour, ROUGHNESS_PX, closed=True)[:, 0, :]
    return tuple(((float(x) + 0.5) * scale, (float(y) + 0.5) * scale) for x, y in smooth)
