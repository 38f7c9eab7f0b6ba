"""What a slide's pixels come from, and what all such sources share.

Sources read BGRA (the memory layout of Qt's RGB32 and of OpenSlide's ARGB32 on little-endian
machines) into a buffer of the caller, on white, so that the viewer's tiles are never copied.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

SANE_MPP = (0.02, 20.0)  # µm/px beyond which a resolution tag was meant for a printer
CHUNK_BYTES = 65_536
CHUNKS = 18  # of a large file that are hashed: head, tail and 16 between


@dataclass(frozen=True)
class Level:
    """One resolution of the file."""

    width: int
    height: int
    downsample: float  # level-0 pixels per pixel; seldom an integer (2.0005)
    tile_width: int  # of the file's own tiles, pixels of this level
    tile_height: int


class PixelSource(Protocol):
    """What Slide needs of a file."""

    vendor: str
    levels: tuple[Level, ...]
    properties: dict[str, str]
    mpp: float | None
    icc_profile: bytes | None
    quick_hash: str
    held_bytes: int  # of memory while it is open
    former_hash: str  # the quick hash of earlier versions, where it was another one; else ""

    def read_into(self, out: np.ndarray, x: int, y: int, level: int) -> None:
        """Fill ``out`` (H, W, 4) uint8 BGRA, C-contiguous, from (x, y) level-0 pixels."""

    def associated(self) -> dict[str, Image.Image]: ...

    def close(self) -> None: ...


def sane_mpp(value: float) -> float | None:
    """Return a resolution tag's µm/px when a microscope could have written it."""
    low, high = SANE_MPP
    return value if math.isfinite(value) and low <= value <= high else None


def sampled_hash(path: Path, chunks: int = CHUNKS) -> str:
    """sha256 of a file's size and of chunks spread over it, as 64 hex digits; quick.

    Two chunks, head and tail, tell uncompressed images with the same borders not apart: that was
    the quick hash of earlier versions.
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
    """The quick hash by which earlier versions kept what belongs to a file."""
    return sampled_hash(path, chunks=2)
