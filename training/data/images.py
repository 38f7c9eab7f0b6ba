"""Decode an image file of any mode into HWC uint8 RGB."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
PNG_BIT_DEPTH = 24  # byte of the header that holds it
TIFF_BITS_PER_SAMPLE = 258
TWELVE_BIT = 4095  # 16-bit files whose values stay below this hold 12-bit camera data

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
            return _to_eight_bits(np.asarray(file))
        if holds_sixteen_bits(file, data):
            return _decode_with_opencv(data)
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
            raise UnreadableImage("the file is cut off; copy it again") from error
        raise


def holds_sixteen_bits(image: Image.Image, data: bytes) -> bool:
    """Pillow cuts 16-bit colour to its high byte, which darkens 12-bit data to black."""
    if image.format == "PNG":
        return data[PNG_BIT_DEPTH] == 16
    tags = getattr(image, "tag_v2", {})
    return bool(tags) and max(np.atleast_1d(tags.get(TIFF_BITS_PER_SAMPLE, 8))) > 8


def _decode_with_opencv(data: bytes) -> np.ndarray:
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if array is None:
        raise UnreadableImage("not a readable image")
    if array.ndim == 3 and array.shape[2] == 4:
        array = cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA)
    elif array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGR2RGB)
    array = _to_eight_bits(array)
    if array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float32) / 255
        array = (array[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return array


def _to_eight_bits(array: np.ndarray) -> np.ndarray:
    """HW or HWC of any number type -> HWC uint8 with three or four channels."""
    if array.dtype != np.uint8:
        values = array.astype(np.float32)
        if not np.isfinite(values).all():
            raise UnreadableImage("it holds numbers that are not finite")
        high = float(values.max(initial=0.0))
        full = 1.0 if high <= 1.0 and array.dtype.kind == "f" else _full_scale(high)
        array = (values.clip(0, full) * (255.0 / full)).round().astype(np.uint8)
    if array.ndim == 2:
        array = array[..., None]
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array


def _full_scale(high: float) -> float:
    """The white level of a file whose largest value is ``high``: 8, 12 or 16 bits."""
    return 255.0 if high <= 255 else float(TWELVE_BIT) if high <= TWELVE_BIT else 65535.0
