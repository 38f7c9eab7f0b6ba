"""Writes a picture as a pyramidal TIFF with JPEG tiles, which OpenSlide reads."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from viewer.demo.tiff import TiffWriter

TILE = 512
WHITE = 250
WORKERS = 2

Read = Callable[[int, int, int, int], np.ndarray]  # left, top, right, bottom -> RGB


@dataclass(frozen=True)
class Level:
    """One level of a pyramid, whose tiles are made when they are written."""

    width: int
    height: int
    read: Read  # (bottom - top, right - left, 3) uint8 RGB

    def tiles(self) -> list[tuple[int, int, int, int]]:
        """In the order in which TIFF stores them: left, top, right, bottom."""
        return [
            (x, y, min(x + TILE, self.width), min(y + TILE, self.height))
            for y in range(0, self.height, TILE)
            for x in range(0, self.width, TILE)
        ]


def write_pyramid(
    path: Path,
    levels: Sequence[Level],
    mpp: float | None,
    description: str,
    progress: Callable[[float], None] = lambda share: None,
    quality: int = 88,
) -> None:
    """Write all levels, the finest first. mpp: µm per pixel of the finest, None = not known;
    progress is called with the finished share, 0..1. Raises OSError."""
    total = sum(len(level.tiles()) for level in levels)
    done = 0

    def counted(encoded: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal done
        for data in encoded:
            done += 1
            progress(done / total)
            yield data

    with TiffWriter(path, description) as writer, ThreadPoolExecutor(WORKERS) as pool:
        for level in levels:
            tiles = level.tiles()
            encoded = pool.map(lambda tile: _jpeg(level.read(*tile), quality), tiles)  # noqa: B023
            coarser = levels[0].width / level.width
            per_cm = None if mpp is None else 10_000 / (mpp * coarser)
            writer.write_level(level.width, level.height, TILE, per_cm, counted(encoded))


def _jpeg(rgb: np.ndarray, quality: int) -> bytes:
    """One tile, padded with white at the slide's edge."""
    if rgb.shape[:2] != (TILE, TILE):
        full = np.full((TILE, TILE, 3), WHITE, np.uint8)
        full[: rgb.shape[0], : rgb.shape[1]] = rgb
        rgb = full
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()
