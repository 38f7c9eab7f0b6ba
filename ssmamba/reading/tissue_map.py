"""Where tissue is on a slide, and what else lies there, in one small picture of the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.raster import covered
from ssmamba.rois.roi import Roi
from ssmamba.slides.fill import frame_mask
from ssmamba.slides.fluorescence import is_fluorescence
from ssmamba.slides.ink import black_mask, ink_mask
from ssmamba.slides.slide import Slide
from ssmamba.slides.tissue import tissue_mask

OVERVIEW_PX2 = 2**20  # pixels of the picture in which tissue is looked for, whatever its shape
BLOCK_PX = 256  # the picture is read in squares of at most this side
READERS = 4  # threads that read them
INK_RIM_PX = 9  # around a stroke, its pale rim
MOSTLY_INK = 0.3  # of a piece: then the rest is the stroke's pale or dark parts
SPECK_PX2 = 9  # smaller pieces of tissue are dust to a grid
GLASS, TISSUE, PEN, BLACK = range(4)  # values of ``TissueMap.kinds``; grey padding is black too
CHUNK = 1 << 18  # windows measured at once


@dataclass(frozen=True)
class TissueMap:
    """What each place of a slide shows: glass, tissue, felt pen, or black or grey padding."""

    kinds: np.ndarray  # (rows, columns) uint8: GLASS, TISSUE, PEN or BLACK
    scale: float  # level-0 pixels per pixel of it; its first pixel begins at (0, 0)
    fluorescent: bool = False  # dark with little light: no stained tissue can be told on it

    def shares(self, windows: np.ndarray) -> np.ndarray:
        """Share of tissue, without specks, in windows (N, 3) of x, y, side: (N,) float64, 0..1.

        Level-0 pixels. What lies off the slide is no tissue.
        """
        found = np.empty(len(windows))
        for first in range(0, len(windows), CHUNK):
            x, y, side = windows[first : first + CHUNK].T / self.scale
            held = self._sum(x + side, y + side) - self._sum(x, y + side)
            held += self._sum(x, y) - self._sum(x + side, y)
            found[first : first + CHUNK] = held / side**2
        return np.clip(found, 0.0, 1.0)

    def corrected(self, added: Iterable[Roi] = (), removed: Iterable[Roi] = ()) -> TissueMap:
        """The map after a person's regions were added to its tissue, then others removed."""
        kinds = self.kinds.copy()
        for rois, kind in ((added, TISSUE), (removed, GLASS)):
            for roi in rois:
                kinds[covered(roi_shape(roi), self.scale, kinds.shape)] = kind
        return replace(self, kinds=kinds)

    def share_of_slide(self, kind: int) -> float:
        """Share of the whole slide that is of a kind, 0..1."""
        return float((self.kinds == kind).mean())

    @cached_property
    def _integral(self) -> np.ndarray:
        """Tissue above and to the left of each corner, (rows + 1, columns + 1) int32."""
        tissue = (self.kinds == TISSUE).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(tissue)
        specks = stats[:, cv2.CC_STAT_AREA] < SPECK_PX2
        tissue[specks[labels]] = 0
        return cv2.integral(tissue)

    def _sum(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tissue above and to the left of places within the picture's pixels, (N,) float64."""
        rows, columns = self.kinds.shape
        x, y = np.clip(x, 0, columns), np.clip(y, 0, rows)
        left, top = np.minimum(x.astype(int), columns - 1), np.minimum(y.astype(int), rows - 1)
        across, down = x - left, y - top
        table = self._integral
        upper = table[top, left] * (1 - across) + table[top, left + 1] * across
        lower = table[top + 1, left] * (1 - across) + table[top + 1, left + 1] * across
        return upper * (1 - down) + lower * down


@dataclass(frozen=True)
class Overview:
    """A slide in one picture."""

    pixels: np.ndarray  # (rows, columns, 3) uint8 RGB
    scale: float  # level-0 pixels per pixel of it; its first pixel begins at (0, 0)


def overview_of(slide: Slide) -> Overview:
    """A slide in about ``OVERVIEW_PX2`` pixels, on several threads. Raises SlideError."""
    width, height = slide.dimensions
    scale = max(1.0, math.sqrt(width * height / OVERVIEW_PX2))
    scale = min(scale, float(min(width, height)))
    columns, rows = max(1, int(width / scale)), max(1, int(height / scale))
    pixels = np.empty((rows, columns, 3), np.uint8)

    def read(corner: tuple[int, int]) -> None:
        x, y = corner
        block = pixels[y : y + BLOCK_PX, x : x + BLOCK_PX]
        block[...] = slide.read_block(scale, x, y, block.shape[1], block.shape[0])

    corners = [(x, y) for y in range(0, rows, BLOCK_PX) for x in range(0, columns, BLOCK_PX)]
    with ThreadPoolExecutor(READERS, "overview") as pool:
        for _ in pool.map(read, corners):
            pass
    return Overview(pixels, scale)


def tissue_map(slide: Slide, overview: Overview | None = None) -> TissueMap:
    """Look for tissue on a slide. overview: where there is one already. Raises SlideError."""
    overview = overview_of(slide) if overview is None else overview
    picture = overview.pixels
    tissue, ink = tissue_mask(picture).astype(np.uint8), _ink(picture)
    padding = frame_mask(picture)
    if padding is not None:  # neither tissue nor the ink that tissue hangs on
        tissue[padding] = ink[padding] = 0
    clean = _without_ink(tissue, ink)
    kinds = np.where(clean > 0, TISSUE, GLASS).astype(np.uint8)
    kinds[(ink > 0) | (tissue > clean)] = PEN
    black = black_mask(picture)
    kinds[black] = BLACK
    if padding is not None:
        kinds[padding] = BLACK
    return TissueMap(kinds, overview.scale, is_fluorescence(picture) or bool(black.all()))


def _ink(rgb: np.ndarray) -> np.ndarray:
    """Strokes of a felt pen, (H, W) uint8 of 0 and 1."""
    return cv2.morphologyEx(ink_mask(rgb).astype(np.uint8), cv2.MORPH_OPEN, _disc(3))


def _without_ink(tissue: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Tissue without the rims of strokes and what hangs on them, (H, W) uint8 of 0 and 1."""
    if not ink.any():
        return tissue
    number, labels = cv2.connectedComponents(cv2.bitwise_or(tissue, ink))
    flat = labels.ravel()
    sizes = np.bincount(flat, minlength=number)
    inked = np.bincount(flat, ink.ravel(), number) > MOSTLY_INK * sizes
    inked[0] = False
    rims = cv2.dilate(ink, _disc(INK_RIM_PX)) > 0
    return tissue * ~(rims | inked[labels])


def _disc(size: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
