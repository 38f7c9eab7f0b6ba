"""Plain images (PNG, JPEG, TIFF …) as slides of one level."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ssmamba.checkpoints.card import file_sha256
from ssmamba.errors import SlideError
from ssmamba.slides.pixel_source import Level, former_hash, sane_mpp
from ssmamba.slides.sixteen_bit import (
    decode_sixteen_bit,
    holds_sixteen_bits,
    to_eight_bits,
    turned_upright,
)

MAX_IMAGE_PIXELS = 300_000_000  # a plain image is kept in memory, 4 bytes a pixel
SIXTEEN_BIT_MODES = ("RGB", "RGBA", "LA")  # in which Pillow gives 16-bit colour


class ImageSource:
    """One image, decoded on opening and kept in memory."""

    def __init__(self, path: Path) -> None:
        image, mpp, self.icc_profile = _decode(path)
        rgb = np.asarray(image)  # (H, W, 3)
        height, width = rgb.shape[:2]
        self._bgra = np.full((height, width, 4), 255, np.uint8)
        self._bgra[..., :3] = rgb[..., ::-1]
        self.held_bytes = self._bgra.nbytes
        self.vendor = "image"
        self.levels: tuple[Level, ...] = (Level(width, height, 1.0, 256, 256),)
        self.properties: dict[str, str] = {"image.format": path.suffix.lstrip(".").lower()}
        self.mpp = mpp
        self.quick_hash = file_sha256(path)  # the whole file has been read anyway
        self.former_hash = former_hash(path)

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        height, width = out.shape[:2]
        full_height, full_width = self._bgra.shape[:2]
        x0, x1 = max(x, 0), min(x + width, full_width)
        y0, y1 = max(y, 0), min(y + height, full_height)
        if x1 - x0 < width or y1 - y0 < height:
            out[...] = 255
        if x0 < x1 and y0 < y1:
            out[y0 - y : y1 - y, x0 - x : x1 - x] = self._bgra[y0:y1, x0:x1]

    def associated(self) -> dict[str, Image.Image]:
        return {}

    def close(self) -> None:
        """No file is open."""


def _decode(path: Path) -> tuple[Image.Image, float | None, bytes | None]:
    try:
        with warnings.catch_warnings():
            # the size is checked below; odd tags do no harm
            warnings.simplefilter("ignore")
            # as a stream: opened by path, Pillow scrambles TIFFs with an Orientation tag
            with path.open("rb") as file, Image.open(file) as image:
                _check_size(path, image.size)
                mpp = _resolution_mpp(image)
                profile = image.info.get("icc_profile")
                return _to_rgb(image, path), mpp, profile
    except SlideError:
        raise
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise SlideError(
            f"{path} is neither a slide that OpenSlide can read nor a readable image; choose "
            "a slide (SVS, NDPI, MRXS, SCN, TIFF …), PNG or JPEG, or copy a truncated file again."
        ) from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_IMAGE_PIXELS:
        raise SlideError(
            f"{path} is a plain image of {size[0]}×{size[1]} px, too large to hold in memory; "
            "convert it to a pyramidal TIFF."
        )


def _to_rgb(file: Image.Image, path: Path) -> Image.Image:
    image = ImageOps.exif_transpose(file)
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(to_eight_bits(np.asarray(image)))
    if file.mode in SIXTEEN_BIT_MODES and holds_sixteen_bits(file, _head(path)):
        reduced = decode_sixteen_bit(path.read_bytes())
        if reduced is not None:
            return Image.fromarray(turned_upright(reduced, file))
    if "A" in image.mode or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _resolution_mpp(image: Image.Image) -> float | None:
    dpi = image.info.get("dpi")  # Pillow converts resolution tags of any unit to this
    if not dpi or image.info.get("resolution_unit", 2) == 1:
        return None
    try:
        return sane_mpp(25_400.0 / float(dpi[0]))
    except (ZeroDivisionError, TypeError, ValueError):
        return None
