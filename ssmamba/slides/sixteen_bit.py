"""Images of more than 8 bits a channel reduced to 8, the same way in training and in the viewer.

10-, 12- and 14-bit cameras store 16-bit files whose values stop at the camera's maximum: scaled as
16 bits they would be almost black.
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
    """Whether Pillow would keep only the high byte, which turns 12-bit data black.

    head: at least the first 25 bytes of the file.
    """
    if image.format == "PNG":
        return head[PNG_BIT_DEPTH] == 16
    tags = getattr(image, "tag_v2", {})
    return bool(tags) and max(np.atleast_1d(tags.get(TIFF_BITS_PER_SAMPLE, 8))) > 8


def decode_sixteen_bit(
    data: bytes, convert: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray | None:
    """Decode a file's bytes to HWC uint8 RGB, transparency on white; None if OpenCV cannot.

    convert: reduces the values to 8 bits; ``to_eight_bits`` by default.
    """
    import cv2  # takes 0.1 s to import; the viewer's process gets here for such files only

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
    """The result of ``decode_sixteen_bit`` for ``file``, turned as its EXIF orientation says.

    OpenCV applies the orientation of TIFFs itself; that of PNGs it ignores with IMREAD_UNCHANGED.
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
    """White for an image whose largest value is ``high``: the smallest bit depth that holds it."""
    return next((level for level in WHITE_LEVELS if high <= level), high)
