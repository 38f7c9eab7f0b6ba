"""A few windows of a slide's tissue."""

from __future__ import annotations

import cv2
import numpy as np

from ssmamba.reading.values import Window
from ssmamba.slides.slide import Slide
from ssmamba.slides.tissue import tissue_of_slide

OVERVIEW_PX = 512  # longest side of the picture in which tissue is looked for
LEAST_TISSUE = 0.3  # share of a window; less is taken only where there is nothing better


def tissue_samples(slide: Slide, side: float, most: int) -> list[Window]:
    """Up to ``most`` windows of ``side`` level-0 pixels, full of tissue and some way apart.

    The same for the same slide. The fullest comes first, each next one is the fullest of those that
    are a third of the slide's shorter side away. A slide without tissue gives none.
    """
    width, height = slide.dimensions
    side = min(side, float(width), float(height))
    longest = float(max(width, height))
    out_px = max(1, min(OVERVIEW_PX, int(longest)))
    scale = longest / out_px
    square = slide.read_window(0.0, 0.0, longest, out_px)  # white where the slide ends
    rows, columns = max(1, int(height / scale)), max(1, int(width / scale))
    mask = tissue_of_slide(square[:rows, :columns]).astype(np.float32)
    cells = max(1, min(round(side / scale), rows, columns))
    # share of tissue in the window about each pixel whose window is on the slide
    shares = cv2.blur(mask, (cells, cells), borderType=cv2.BORDER_CONSTANT)
    free = np.zeros_like(shares)
    half = cells // 2
    free[half : rows - (cells - half) + 1, half : columns - (cells - half) + 1] = 1
    away = max(cells, min(rows, columns) // 3)
    found: list[Window] = []
    while len(found) < most:
        left = np.where(free > 0, shares, -1.0)
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        if left[row, column] <= (LEAST_TISSUE if found else 0.0):
            break
        x = min(max((column - half) * scale, 0.0), width - side)
        y = min(max((row - half) * scale, 0.0), height - side)
        found.append(Window(round(x), round(y), side))
        free[max(0, row - away + 1) : row + away, max(0, column - away + 1) : column + away] = 0
    return found
