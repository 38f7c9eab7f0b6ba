"""Metadata of an image file: size, mode, format, JPEG quality."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ssmamba.slides.sixteen_bit import holds_sixteen_bits

MODES = {"L": "grey", "LA": "grey with transparency", "1": "black and white", "P": "palette"}
# Sum of the Annex K luminance table of the JPEG standard, the one that libjpeg scales by quality.
STANDARD_LUMINANCE_SUM = 3688


@dataclass(frozen=True)
class FileFacts:
    """One image file."""

    width: int  # pixels, as decoded
    height: int
    mode: str  # "RGB", "grey", "RGBA", "CMYK", "palette", "16 bit", ...
    format: str  # "JPEG", "PNG", ...; "" when only OpenCV could read it
    size: int  # bytes
    quality: int | None  # JPEG quality, 1..100, as libjpeg counts; None for other formats
    sha256: str  # of the bytes


def file_facts(data: bytes, image: np.ndarray) -> FileFacts:
    """Facts of a file from its bytes and its decoded HWC pixels."""
    height, width = image.shape[:2]
    digest = hashlib.sha256(data).hexdigest()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as file:
                mode, kind = _mode(file, data), file.format or ""
                tables = getattr(file, "quantization", None)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
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
    if file.mode.startswith("I") or file.mode == "F" or holds_sixteen_bits(file, data):
        return "16 bit" if file.mode != "F" else "floating point"
    return MODES.get(file.mode, file.mode)
