"""The protocol of a slide's pixel sources, and their common helpers.

Sources read BGRA (the memory layout of Qt's RGB32 and of OpenSlide's ARGB32 on little-endian
machines), or RGB for models, into a buffer of the caller's, on white, so that nothing is copied.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

CHUNK_BYTES = 65_536
CHUNKS = 18  # hashed in a large file: head, tail and 16 in between


@dataclass(frozen=True)
class Level:
    """One resolution of the file."""

    width: int
    height: int
    downsample: float  # level-0 pixels per pixel; seldom an integer (2.0005)
    tile_width: int  # of the file's own tiles, in pixels of this level
    tile_height: int


class PixelSource(Protocol):
    """A file's pixels and properties, as Slide needs them."""

    vendor: str
    levels: tuple[Level, ...]
    properties: dict[str, str]
    mpp: float | None
    icc_profile: bytes | None
    quick_hash: str
    held_bytes: int  # memory used while it is open
    former_hash: str  # the quick hash that earlier versions used, if different; else ""
    notes: tuple[str, ...]  # what is not shown as it is stored, a sentence each

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Fill ``out`` from (x, y) level-0 pixels.

        out: (H, W, 4) uint8, opaque BGRA, or (H, W, 3) uint8 RGB; C-contiguous. Raises SlideError.
        """

    def read_level_into(self, out: np.ndarray, left: int, top: int, level: int) -> None:
        """The same from (left, top) pixels of the level, which need be no whole level-0 place."""

    def associated(self) -> dict[str, Image.Image]: ...

    def close(self) -> None: ...


def read_in_colours(
    read_bgra: Callable[[np.ndarray, int, int, int], None],
    out: np.ndarray,
    x: int,
    y: int,
    level: int,
) -> None:
    """Fill ``out``, BGRA or RGB, by a function that fills BGRA."""
    if out.shape[2] == 4:
        read_bgra(out, x, y, level)
        return
    bgra = np.empty((*out.shape[:2], 4), np.uint8)
    read_bgra(bgra, x, y, level)
    out[...] = bgra[..., 2::-1]


def nearest_place(level: Level, left: int, top: int) -> tuple[int, int]:
    """The level-0 pixel (x, y) nearest to a pixel of a level; x.5 always goes the same way."""
    return (
        math.floor(left * level.downsample + 0.5),
        math.floor(top * level.downsample + 0.5),
    )


def sampled_hash(path: Path, chunks: int = CHUNKS) -> str:
    """sha256 of a file's size and of chunks spread over it, as 64 hex digits; quick.

    Earlier versions hashed two chunks, head and tail, which cannot tell apart uncompressed images
    with identical borders.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    last = max(0, size - CHUNK_BYTES)
    with path.open("rb") as file:
        for number in range(chunks):
            file.seek(last * number // (chunks - 1))
            digest.update(file.read(CHUNK_BYTES))
    return digest.hexdigest()


def former_hash(path: Path) -> str:
    """The quick hash under which earlier versions saved a file's session."""
    return sampled_hash(path, chunks=2)
