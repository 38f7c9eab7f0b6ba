"""Ways to read rectangles of a slide's finest level, for the benchmark of tiles.

Each is opened anew for each measurement, so that nothing is in a cache. fastslide and tiffslide
take part where they are installed.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import openslide

from ssmamba.slides.slide import Slide

Rect = tuple[int, int, int, int]  # x, y, width, height; level-0 pixels
Read = Callable[[Rect], object]
Open = Callable[[Path], Read]


@dataclass(frozen=True)
class Took:
    """Seconds of one measurement."""

    wall: float
    cpu: float


def raw(path: Path) -> Read:
    """OpenSlide's C function into a buffer, and nothing else."""
    slide = openslide.OpenSlide(path)
    lowlevel = openslide.lowlevel

    def read(rect: Rect) -> np.ndarray:
        x, y, width, height = rect
        buffer = np.empty((height, width), np.uint32)
        pointer = buffer.ctypes.data_as(lowlevel.POINTER(lowlevel.c_uint32))
        lowlevel._read_region(slide._osr, pointer, x, y, 0, width, height)
        return buffer

    return read


def by_pil(path: Path) -> Read:
    """OpenSlide as its documentation has it: a PIL image, then RGB."""
    slide = openslide.OpenSlide(path)
    return lambda rect: np.asarray(slide.read_region(rect[:2], 0, rect[2:]).convert("RGB"))


def ours(path: Path) -> Read:
    """RGB by ``Slide.read_level_into``."""
    slide = Slide.open(path)

    def read(rect: Rect) -> np.ndarray:
        rgb = np.empty((rect[3], rect[2], 3), np.uint8)
        slide.read_level_into(rgb, rect[0], rect[1], 0)
        return rgb

    return read


def ours_bgra(path: Path) -> Read:
    """What the viewer reads, into a buffer as ``raw`` has it."""
    slide = Slide.open(path)

    def read(rect: Rect) -> np.ndarray:
        buffer = np.empty((rect[3], rect[2], 4), np.uint8)
        slide.read_level_into(buffer, rect[0], rect[1], 0)
        return buffer

    return read


def without_own_tiles(path: Path) -> Read:
    """Ours with OpenSlide for everything."""
    with mock.patch("ssmamba.slides.openslide_source.VENDORS", ()):
        return ours(path)


def fastslide(path: Path) -> Read:
    from fastslide import FastSlide

    slide = FastSlide.from_file_path(str(path))
    return lambda rect: slide.read_region(rect[:2], 0, rect[2:]).numpy()


def tiffslide(path: Path) -> Read:
    from tiffslide import TiffSlide

    slide = TiffSlide(path)
    return lambda rect: slide.read_region(rect[:2], 0, rect[2:], as_array=True)


def others() -> dict[str, Open]:
    """Other packages that are installed."""
    known: dict[str, Open] = {"fastslide": fastslide, "tiffslide": tiffslide}
    return {name: way for name, way in known.items() if importlib.util.find_spec(name)}


def measured(open_slide: Open, path: Path, rects: Sequence[Rect], threads: int) -> Took:
    """Read all rectangles once, in their order; opening the file and a first pixel not counted."""
    read = open_slide(path)
    read((0, 0, 1, 1))
    left = list(reversed(rects))

    def work() -> None:
        while True:
            try:
                rect = left.pop()
            except IndexError:
                return
            read(rect)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    wall, cpu = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def grid(width: int, height: int, side: int) -> list[Rect]:
    """Whole squares of a slide, row by row."""
    return [
        (x, y, side, side)
        for y in range(0, height - side + 1, side)
        for x in range(0, width - side + 1, side)
    ]
