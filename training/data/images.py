"""Decode an image file of any mode into HWC uint8 RGB."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ssmamba.slides.sixteen_bit import (
    decode_sixteen_bit,
    holds_sixteen_bits,
    to_eight_bits,
    turned_upright,
)

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})

# What is wrong with a file is told by us, not by OpenCV on stderr.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class UnreadableImage(ValueError):
    """The bytes are no image that can be decoded."""


def read_rgb(path: Path) -> np.ndarray:
    """Read a file into HWC uint8 RGB. Raises UnreadableImage, or OSError when it cannot be read."""
    return decode_rgb(path.read_bytes())


def decode_rgb(data: bytes) -> np.ndarray:
    """Decode file bytes into HWC uint8 RGB.

    Grey is repeated, transparency is laid over white (glass), CMYK and palettes are converted,
    16-bit values are scaled to 8 bits, and a rotation in the EXIF header is applied. Raises
    UnreadableImage, also for a file of which only a part is there.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata does not matter when pixels decode
            return _decode_with_pillow(data)
    except UnreadableImage:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return _decode_with_opencv(data)


def centre_square(image: np.ndarray) -> np.ndarray:
    """The largest centred square of an HWC image; models are never fed squashed pictures."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _decode_with_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as file:
        _load(file)
        if file.mode.startswith("I") or file.mode == "F":
            return _to_eight_bits(np.asarray(ImageOps.exif_transpose(file)))
        if holds_sixteen_bits(file, data):
            return turned_upright(_decode_with_opencv(data), file)
        image: Image.Image = ImageOps.exif_transpose(file)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            glass = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(glass, image)
        return np.asarray(image.convert("RGB"))


def _load(file: Image.Image) -> None:
    """Decode the pixels. A file that ends too early is refused here: some versions of OpenCV
    fill what is missing with grey."""
    try:
        file.load()
    except OSError as error:
        if "truncated" in str(error):
            raise UnreadableImage("the file is incomplete; copy it again") from error
        raise


def _decode_with_opencv(data: bytes) -> np.ndarray:
    array = decode_sixteen_bit(data, _to_eight_bits)
    if array is None:
        raise UnreadableImage("not a readable image")
    return array


def _to_eight_bits(array: np.ndarray) -> np.ndarray:
    if not np.isfinite(array).all():
        raise UnreadableImage("it contains numbers that are not finite")
    return to_eight_bits(array)
