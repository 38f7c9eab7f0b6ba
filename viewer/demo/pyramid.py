"""Turns dye maps into a pyramidal TIFF with JPEG tiles, which OpenSlide reads."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from viewer.demo.painting import MPP, Tissue, color_table
from viewer.demo.tiff import TiffWriter

TILE = 512
QUALITY = 88
SMALLEST_SIDE = 1200  # levels are halved until they are no longer than this
NOISE_SPREAD = 3.0  # of the scanner, grey levels
WHITE = 250
DESCRIPTION = "Synthetic demo slide, drawn by a program; it shows no patient and no real tissue."

Maps = tuple[np.ndarray, np.ndarray]  # haematoxylin, eosin


def write_pyramid(path: Path, tissue: Tissue, progress: Callable[[float], None]) -> None:
    """Write all levels. progress is called with the finished share, 0..1."""
    levels = _levels(tissue)
    coder = TileCoder()
    total = sum(len(_tiles(maps)) for maps in levels)
    done = 0

    def counted(encoded: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal done
        for data in encoded:
            done += 1
            progress(done / total)
            yield data

    with TiffWriter(path, DESCRIPTION) as writer, ThreadPoolExecutor(2) as pool:
        for number, maps in enumerate(levels):
            encode = coder.encode_finest if number == 0 else coder.encode
            rows, columns = maps[0].shape
            per_cm = 10_000 / (MPP * levels[0][0].shape[1] / columns)
            tiles = counted(pool.map(encode, _tiles(maps)))
            writer.write_level(columns, rows, TILE, per_cm, tiles)


class TileCoder:
    """Dye maps of one tile → JPEG; the finest level gets a scanner's blur and grain."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self._grain = rng.normal(0, NOISE_SPREAD, (TILE, TILE, 1)).round().astype(np.int16)
        self._table = color_table()

    def encode_finest(self, maps: Maps) -> bytes:
        h, e = (cv2.GaussianBlur(m, (0, 0), 0.8) for m in maps)
        grain = self._grain[: h.shape[0], : h.shape[1]]
        return _jpeg(np.clip(self._table[h, e] + grain, 0, 255).astype(np.uint8))

    def encode(self, maps: Maps) -> bytes:
        h, e = maps
        return _jpeg(self._table[h, e])


def _levels(tissue: Tissue) -> list[Maps]:
    levels: list[Maps] = [(tissue.haematoxylin, tissue.eosin)]
    while max(levels[-1][0].shape) > SMALLEST_SIDE:
        rows, columns = levels[-1][0].shape
        size = (columns // 2, rows // 2)
        h, e = (cv2.resize(m, size, interpolation=cv2.INTER_AREA) for m in levels[-1])
        levels.append((h, e))
    return levels


def _tiles(maps: Maps) -> list[Maps]:
    """Views of a level in the order in which TIFF stores its tiles."""
    h, e = maps
    return [
        (h[y : y + TILE, x : x + TILE], e[y : y + TILE, x : x + TILE])
        for y in range(0, h.shape[0], TILE)
        for x in range(0, h.shape[1], TILE)
    ]


def _jpeg(rgb: np.ndarray) -> bytes:
    """One tile, padded with white at the slide's edge."""
    if rgb.shape[:2] != (TILE, TILE):
        full = np.full((TILE, TILE, 3), WHITE, np.uint8)
        full[: rgb.shape[0], : rgb.shape[1]] = rgb
        rgb = full
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=QUALITY, subsampling=2)
    return buffer.getvalue()
