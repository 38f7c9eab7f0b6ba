"""Plain images (PNG, JPEG, TIFF …) as slides of one level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ssmamba.checkpoints.card import file_sha256
from ssmamba.slides.decode import decode
from ssmamba.slides.pixel_source import Level, former_hash, read_in_colours
from ssmamba.wording import words


class ImageSource:
    """One image, decoded on opening and kept in memory."""

    def __init__(self, path: Path, earlier_hash: str = "") -> None:
        """earlier_hash: the quick hash that OpenSlide gave the file.

        Raises UnreadableImage, or OSError.
        """
        picture = decode(path)
        height, width = picture.rgb.shape[:2]
        self._bgra = np.full((height, width, 4), 255, np.uint8)
        self._bgra[..., :3] = picture.rgb[..., ::-1]
        self.held_bytes = self._bgra.nbytes
        self.vendor = "image"
        self.levels: tuple[Level, ...] = (Level(width, height, 1.0, 256, 256),)
        self.properties: dict[str, str] = {"image.format": path.suffix.lstrip(".").lower()}
        self.mpp, self.icc_profile = picture.mpp, picture.icc_profile
        self.notes = picture.notes
        if picture.unknown_values:
            self.notes += (
                words(
                    "{count} of its values are no numbers; shown black.",
                    count=picture.unknown_values,
                ),
            )
        self.quick_hash = file_sha256(path)  # the whole file has been read anyway
        self.former_hash = earlier_hash or former_hash(path)

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        read_in_colours(self._read_bgra, out, x, y, level)

    def read_level_into(self, out: np.ndarray, left: int, top: int, level: int) -> None:
        self.read_into(out, left, top, level)

    def _read_bgra(self, out: np.ndarray, x: int, y: int, level: int) -> None:
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
