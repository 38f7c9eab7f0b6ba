"""Metadata of an image file: size, mode, format, JPEG quality."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.pillow_image import FORMATS, is_deep_png, open_image

MODES = {"L": "grey", "LA": "grey with transparency", "1": "black and white", "P": "palette"}
BITS_PER_SAMPLE = 258  # TIFF tag
# Sum of the Annex K luminance table of the JPEG standard, the one that libjpeg scales by quality.
STANDARD_LUMINANCE_SUM = 3688


@dataclass(frozen=True)
class FileFacts:
    """One image file."""

    width: int  # pixels, as decoded
    height: int
    mode: str  # "RGB", "grey", "RGBA", "CMYK", "palette", "16 bit", ...
    format: str  # "JPEG", "PNG", ...; "" for a TIFF that Pillow does not know
    size: int  # bytes
    quality: int | None  # JPEG quality, 1..100, as libjpeg counts; None for other formats
    sha256: str  # of the bytes


def file_facts(data: bytes, image: np.ndarray) -> FileFacts:
    """Facts of a file from its bytes and its decoded HWC pixels."""
    height, width = image.shape[:2]
    digest = hashlib.sha256(data).hexdigest()
    try:
        with open_image(io.BytesIO(data), (*FORMATS, "TIFF")) as file:
            mode, kind = _mode(file, data), file.format or ""
            tables = getattr(file, "quantization", None)
    except UnreadableImage:  # a TIFF of a kind that Pillow does not know
        return FileFacts(width, height, "unknown mode", "", len(data), None, digest)
    quality = jpeg_quality(tables) if tables else None
    return FileFacts(width, height, mode, kind, len(data), quality, digest)


def jpeg_quality(tables: dict[int, list[int]]) -> int:
    """The libjpeg quality whose luminance table is as coarse as the first of these tables.

    libjpeg scales the standard table by 5000/q percent below quality 50 and 200 - 2q above it.
    """
    percent = 100.0 * sum(tables[min(tables)]) / STANDARD_LUMINANCE_SUM
    quality = (200.0 - percent) / 2.0 if percent <= 100.0 else 5000.0 / percent
    return int(np.clip(round(quality), 1, 100))


def _mode(file: Image.Image, data: bytes) -> str:
    bits = max(np.atleast_1d(getattr(file, "tag_v2", {}).get(BITS_PER_SAMPLE, 8)))
    is_deep = bits > 8 or (file.format == "PNG" and is_deep_png(data))
    if file.mode.startswith("I") or file.mode == "F" or is_deep:
        return "16 bit" if file.mode != "F" else "floating point"
    return MODES.get(file.mode, file.mode)
