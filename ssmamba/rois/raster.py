"""Regions as masks of pixels."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry


def covered(
    area: BaseGeometry, scale: float, shape: tuple[int, ...], x: float = 0.0, y: float = 0.0
) -> np.ndarray:
    """Pixels of a picture (H, W) whose centres lie in an area, (H, W) bool.

    scale: level-0 pixels per pixel of the picture, which begins at (x, y) on level 0.
    """
    mask = np.zeros(shape, bool)
    if area.is_empty:
        return mask
    low, high = (np.array(area.bounds).reshape(2, 2) - (x, y)) / scale
    first = np.maximum(np.floor(low), 0).astype(int)
    last = np.minimum(np.ceil(high), shape[::-1]).astype(int)
    if (first < last).all():
        shapely.prepare(area)
        across, down = (np.arange(a, b) + 0.5 for a, b in zip(first, last, strict=True))
        inside = shapely.contains_xy(area, *np.meshgrid(across * scale + x, down * scale + y))
        mask[first[1] : last[1], first[0] : last[0]] = inside
    return mask
