"""The protocol of a slide's pixel sources, and their common helpers.

Sources read BGRA (the memory layout of Qt's RGB32 and of OpenSlide's ARGB32 on little-endian
machines) into a buffer of the caller's, on white, so that the viewer's tiles are never copied.
"""

from __future__ import annotations

import hashlib
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
        """Fill ``out`` (H, W, 4) uint8 BGRA, C-contiguous, from (x, y) level-0 pixels."""

    def associated(self) -> dict[str, Image.Image]: ...

    def close(self) -> None: ...


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
