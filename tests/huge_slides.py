"""Slides of real size that take a second and two megabytes: their tiles lie in the file once."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

TILE, STEP = 512, 4


def write_huge(
    path: Path,
    width: int = 100_000,
    height: int = 80_000,
    mpp: float = 0.25,
    tissue: Sequence[np.ndarray] = (),
) -> None:
    """Write a BigTIFF pyramid that OpenSlide reads: a coarse ellipse of tissue on glass.

    tissue: pictures (TILE, TILE, 3) uint8 that take turns within the ellipse; every other tile is
    glass. A tile that is used many times is stored once.
    """
    glass = np.random.default_rng(0).normal(243, 1, (TILE, TILE, 1)).repeat(3, 2)
    bank = [zlib.compress(np.round(t).astype(np.uint8).tobytes()) for t in (glass, *tissue)]
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        places = []
        for data in bank:
            places.append((file.tell(), len(data)))
            file.write(data)
        link, factors = 8, [1]
        while max(width, height) / factors[-1] / STEP > 4 * TILE:
            factors.append(factors[-1] * STEP)
        for factor in factors:
            size = max(1, width // factor), max(1, height // factor)
            link = _directory(file, size, places, (factor, factors[-1]), mpp, link)


def _directory(
    file: BinaryIO,
    size: tuple[int, int],
    places: list[tuple[int, int]],
    factors: tuple[int, int],
    mpp: float,
    link: int,
) -> int:
    """Write one level; returns where the place of the next one is to be written.

    factors: of this level and of the last one, whose tiles say what is tissue on all.
    """
    factor, last = factors
    columns, rows = (-(-length // TILE) for length in size)
    row, column = np.mgrid[:rows, :columns]
    across, down = (-(-length * factor // (TILE * last)) for length in size)
    coarse_row, coarse_column = row * factor // last, column * factor // last
    within = np.hypot((coarse_column + 0.5) / across - 0.5, (coarse_row + 0.5) / down - 0.5) < 0.4
    chosen = np.where(within, 1 + (row * 7 + column) % max(1, len(places) - 1), 0)
    chosen = np.minimum(chosen, len(places) - 1).ravel()
    offsets, counts = (np.array(v, "<u8")[chosen] for v in zip(*places, strict=True))
    arrays = []
    for values in (offsets, counts):
        arrays.append(file.tell())
        file.write(values.tobytes())
    resolution = round(10_000 / mpp / factor * 1000)
    short, long, rational, long8 = 3, 4, 5, 16
    n = len(chosen)
    entries = [
        (254, long, 1, 0 if factor == 1 else 1), (256, long, 1, size[0]), (257, long, 1, size[1]),
        (258, short, 3, 8 | 8 << 16 | 8 << 32), (259, short, 1, 8), (262, short, 1, 2),
        (277, short, 1, 3), (282, rational, 1, resolution | 1000 << 32),
        (283, rational, 1, resolution | 1000 << 32), (284, short, 1, 1), (296, short, 1, 3),
        (322, long, 1, TILE), (323, long, 1, TILE),
        (324, long8, n, arrays[0] if n > 1 else int(offsets[0])),
        (325, long8, n, arrays[1] if n > 1 else int(counts[0])),
    ]  # fmt: skip
    start = file.tell()
    file.write(struct.pack("<Q", len(entries)))
    for tag, kind, count, value in entries:
        file.write(struct.pack("<HHQQ", tag, kind, count, value))
    end = file.tell()
    file.write(struct.pack("<Q", 0))
    file.seek(link)
    file.write(struct.pack("<Q", start))
    file.seek(0, 2)
    return end
