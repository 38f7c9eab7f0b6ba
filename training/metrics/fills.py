"""Fills of hidden pixels from the visible ones: baselines that a model has to beat."""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.explain.masked import fill_hidden

INPAINT_RADIUS = 5  # pixels


def visible_mean(original: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Every hidden pixel becomes the mean colour of the visible ones.

    original: (H, W, 3) uint8; hidden: (H, W) bool.
    """
    colour = original[~hidden].mean(axis=0).round().astype(np.uint8)
    return fill_hidden(original, np.broadcast_to(colour, original.shape), hidden)


def inpaint(original: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """OpenCV's inpainting (Telea 2004) from the visible pixels."""
    blank = original.copy()
    blank[hidden] = 0
    return cv2.inpaint(blank, hidden.astype(np.uint8), INPAINT_RADIUS, cv2.INPAINT_TELEA)
