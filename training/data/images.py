"""Decode an image file of any mode into HWC uint8 RGB, as the viewer and ``predict`` do."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ssmamba.slides.decode import decode
from ssmamba.slides.picture import UnreadableImage

__all__ = ["EXTENSIONS", "UnreadableImage", "centre_square", "decode_rgb", "read_rgb"]

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})

# What is wrong with a file is told by us, not by OpenCV on stderr.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_rgb(path: Path) -> np.ndarray:
    """Read a file into HWC uint8 RGB. Raises UnreadableImage, or OSError when it cannot be read."""
    return decode_rgb(path.read_bytes())


def decode_rgb(data: bytes) -> np.ndarray:
    """Decode file bytes into HWC uint8 RGB.

    Grey is repeated, transparency is laid over white (glass), CMYK and palettes are converted,
    values of more than 8 bits are scaled, and a rotation in the header is applied. Raises
    UnreadableImage, also for a file of which only a part is there, and for numbers that are not
    finite, which the viewer shows black.
    """
    picture = decode(data)
    if picture.unknown_values:
        raise UnreadableImage("it contains numbers that are not finite; save it without them")
    return picture.rgb


def centre_square(image: np.ndarray) -> np.ndarray:
    """The largest centred square of an HWC image; models are never fed squashed pictures."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
