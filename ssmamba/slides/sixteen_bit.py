"""Pictures of more than 8 bits a channel as 8 bits, alike for training and for the viewer.

Cameras of 10, 12 or 14 bits store 16-bit files whose values end at theirs: read as 16 bits they
would be black.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

WHITE_LEVELS = (255.0, 1023.0, 4095.0, 16_383.0, 65_535.0)
PNG_BIT_DEPTH = 24  # byte of the header that holds it
TIFF_BITS_PER_SAMPLE = 258
ORIENTATION = 0x0112  # EXIF tag


def holds_sixteen_bits(image: Image.Image, head: bytes) -> bool:
    """Whether Pillow would cut colour to its high byte, which darkens 12-bit data to black.

    head: the file's first bytes, 25 at least.
    """
    if image.format == "PNG":
        return head[PNG_BIT_DEPTH] == 16
    tags = getattr(image, "tag_v2", {})
    return bool(tags) and max(np.atleast_1d(tags.get(TIFF_BITS_PER_SAMPLE, 8))) > 8


def decode_deep(
    data: bytes, convert: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray | None:
    """A file's bytes as HWC uint8 RGB with transparency on white; None = OpenCV cannot.

    convert: what makes 8 bits of the numbers, ``to_eight_bits`` if not another.
    """
    import cv2  # costs 0.1 s: the viewer's process comes here for such files alone

    try:
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if array is None:
        return None
    if array.ndim == 3 and array.shape[2] == 4:
        array = cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA)
    elif array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGR2RGB)
    array = (convert or to_eight_bits)(array)
    if array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float32) / 255
        array = (array[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return array


def turned_upright(picture: np.ndarray, file: Image.Image) -> np.ndarray:
    """What ``decode_deep`` made of ``file``, turned as its EXIF header says.

    OpenCV turns TIFFs by itself, and leaves what it is asked for unchanged in PNGs.
    """
    if file.format == "TIFF":
        return picture
    image = Image.fromarray(picture)
    image.getexif()[ORIENTATION] = file.getexif().get(ORIENTATION, 1)
    return np.asarray(ImageOps.exif_transpose(image))


def to_eight_bits(array: np.ndarray) -> np.ndarray:
    """HW or HWC of any number type -> HWC uint8 with three or four channels; NaN is black."""
    if array.dtype != np.uint8:
        values = array.astype(np.float32)
        known = np.isfinite(values)
        high = float(values.max(initial=0.0, where=known))
        white = 1.0 if high <= 1.0 and array.dtype.kind == "f" else white_level(high)
        values = np.where(known, values, 0.0).clip(0, white)
        array = (values * (255.0 / white)).round().astype(np.uint8)
    if array.ndim == 2:
        array = array[..., None]
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array


def white_level(high: float) -> float:
    """The white of a picture whose largest value is ``high``: the least depth that holds it."""
    return next((level for level in WHITE_LEVELS if high <= level), high)
