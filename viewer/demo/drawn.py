"""The generated slide as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ssmamba.generated.optics import Optics
from ssmamba.generated.sheet import MPP
from ssmamba.generated.slide import DemoSlide, draw_slide
from viewer.demo.pyramid import TILE, Level, write_pyramid

NOISE = 0.5  # grey levels; more would hide that an area is out of focus
SMALLEST_SIDE = 1200  # levels are halved until they are no longer than this
DESCRIPTION = "Generated tissue: for trying the program. It shows no patient and no real tissue."


def write_drawn(path: Path, progress: Callable[[float], None]) -> None:
    """Draw the slide and write it. Raises OSError."""
    slide = draw_slide(lambda share: progress(0.4 * share))
    optics = Optics(noise=NOISE, quality=92)
    write_pyramid(
        path,
        levels_of(slide, optics),
        MPP,
        DESCRIPTION,
        lambda share: progress(0.4 + 0.6 * share),
        optics.quality,
    )


def levels_of(slide: DemoSlide, optics: Optics) -> list[Level]:
    """The finest level as a scanner sees it; the others from dye that is averaged."""
    full = (slide.sheet.haematoxylin, slide.sheet.eosin, slide.ink)
    table = optics.table()
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (TILE, TILE)), (0, 0), 0.8)
    grain = (grain / grain.std() * optics.noise).round()[..., None]

    def finest(left: int, top: int, right: int, bottom: int) -> np.ndarray:
        h, e, ink = (m[top:bottom, left:right] for m in full)
        h, e = (cv2.GaussianBlur(m, (0, 0), optics.blur) for m in (h, e))
        rgb = table[h, e] + grain[: bottom - top, : right - left]
        return optics.inked(np.clip(rgb, 0, 255).astype(np.uint8), ink)

    maps: tuple[np.ndarray, ...] = full
    levels = [Level(slide.sheet.width, slide.sheet.height, finest)]
    while max(levels[-1].width, levels[-1].height) > SMALLEST_SIDE:
        size = (levels[-1].width // 2, levels[-1].height // 2)
        maps = tuple(cv2.resize(m, size, interpolation=cv2.INTER_AREA) for m in maps)
        levels.append(Level(*size, _coarse(table, optics, *maps)))
    return levels


def _coarse(
    table: np.ndarray, optics: Optics, h: np.ndarray, e: np.ndarray, ink: np.ndarray
) -> Callable[[int, int, int, int], np.ndarray]:
    def read(left: int, top: int, right: int, bottom: int) -> np.ndarray:
        part = (slice(top, bottom), slice(left, right))
        return optics.inked(table[h[part], e[part]], ink[part])

    return read
