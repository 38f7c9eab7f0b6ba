"""Small slides that tests write and open."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import ImageCms

from tests.own_time import OwnTime

SHARED_SLIDES = Path(__file__).resolve().parents[2] / "shared" / "data" / "slides"
SHARED_CASES = SHARED_SLIDES.parents[1] / "cases"


def tissue_like(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A picture (H, W, 3) uint8 in which every place differs: gradients and soft blobs.

    Its colours are those of a stain: other ones are taken for felt pen.
    """
    rng = np.random.default_rng(seed)
    shape = (height // 24 + 2, width // 24 + 2, 3)
    small = rng.uniform((130, 40, 150), (230, 130, 230), shape).astype(np.float32)
    blobs = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    blobs[..., 0] += 30 * columns / width
    blobs[..., 2] -= 30 * rows / height
    return np.clip(blobs, 0, 255).astype(np.uint8)


def grainy(width: int, height: int, seed: int = 0) -> np.ndarray:
    """As ``tissue_like``, and in focus."""
    grain = np.random.default_rng(seed).normal(0, 30, (height, width, 1))
    return np.clip(tissue_like(width, height, seed) + grain, 0, 255).astype(np.uint8)


@OwnTime()
def write_pyramid(
    path: Path | str,
    width: int = 1000,
    height: int = 700,
    *,
    levels: int = 3,
    step: int = 2,
    tile: int = 128,
    mpp: float | None = 0.5,
    seed: int = 0,
    picture: np.ndarray | None = None,
) -> np.ndarray:
    """Write a tiled pyramidal TIFF that OpenSlide reads as "generic-tiff"; return level 0.

    Compression is lossless, so a reader must give back exactly these pixels. ``step`` is the
    factor between levels.
    """
    if picture is None:
        image, written = _pyramid_of_tissue(width, height, levels, step, tile, mpp, seed)
        Path(path).write_bytes(written)
        return image.copy()
    _write(path, picture, levels, step, tile, mpp)
    return picture


@lru_cache(maxsize=4)  # hundreds of tests open the same slide
def _pyramid_of_tissue(
    width: int, height: int, levels: int, step: int, tile: int, mpp: float | None, seed: int
) -> tuple[np.ndarray, bytes]:
    image, file = tissue_like(width, height, seed), io.BytesIO()
    _write(file, image, levels, step, tile, mpp)
    return image, file.getvalue()


def _write(
    target: Path | str | io.BytesIO,
    image: np.ndarray,
    levels: int,
    step: int,
    tile: int,
    mpp: float | None,
) -> None:
    resolution = (10_000 / mpp, 10_000 / mpp) if mpp else None
    with tifffile.TiffWriter(target) as file:
        shape = image.shape[1], image.shape[0]
        for level in range(levels):
            factor = step**level
            size = max(1, shape[0] // factor), max(1, shape[1] // factor)
            scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if level else image
            file.write(
                scaled,
                photometric="rgb",
                tile=(tile, tile),
                compression="zlib",
                compressionargs={"level": 1},
                subfiletype=1 if level else 0,
                resolution=None if resolution is None else tuple(r / factor for r in resolution),
                resolutionunit="CENTIMETER" if resolution else None,
                metadata=None,
            )


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB with its red and blue primaries exchanged, so that a conversion shows."""
    data = bytearray(srgb_profile())
    count = int.from_bytes(data[128:132], "big")
    entries = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = (
        data[blue + 4 : blue + 12],
        data[red + 4 : red + 12],
    )
    return bytes(data)
