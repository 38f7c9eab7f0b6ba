"""Decodes the picture of a TIFF into memory, piece by piece."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from tifffile import TiffPage

from ssmamba.slides.depth import value_range, white_level
from ssmamba.slides.picture import Picture, UnreadableImage, check_size, rgb_profile
from ssmamba.slides.pillow_image import upright
from ssmamba.slides.tiff.colours import Colours
from ssmamba.slides.tiff.directory import directory, opened
from ssmamba.slides.tiff.segments import Segments


class Raster:
    """The pixels of one resolution: one page, or three that are its colours."""

    def __init__(self, pages: tuple[TiffPage, ...], file: BinaryIO, lock: threading.Lock) -> None:
        """Raises UnreadableImage for what cannot be shown."""
        self._parts = [Segments(page, file, lock) for page in pages]
        first = self._parts[0]
        self.width, self.height = first.width, first.height
        self.tile_width, self.tile_height = first.tile_width, first.tile_height
        self.rows, self.columns = first.rows, first.columns
        if any((p.rows, p.columns, p.dtype) != (self.rows, self.columns, first.dtype)
               for p in self._parts):  # fmt: skip
            raise UnreadableImage(
                "it is a TIFF whose colour pages differ in layout; save it as RGB"
            )
        self.colours = Colours(pages[0], sum(part.samples for part in self._parts))

    @property
    def places(self) -> Iterator[tuple[int, int]]:
        """(row, column) of each piece."""
        return ((row, column) for row in range(self.rows) for column in range(self.columns))

    def samples(self, row: int, column: int) -> np.ndarray | None:
        """(h, w, samples) of one piece; None where the file has none."""
        parts = [part.read(row, column) for part in self._parts]
        if any(part is None for part in parts):
            return None
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)  # type: ignore[arg-type]

    def whites(self) -> tuple[float, float, int]:
        """White of the colours and of the opacity, and how many values are not finite.

        Reads every piece unless the file says how deep it is.
        """
        known = self.colours.white
        if known is not None:
            return known, known, 0
        high = alpha_high = 0.0
        unknown = 0
        dtype = self._parts[0].dtype
        is_float = dtype.kind == "f"
        for place in self.places:
            samples = self.samples(*place)
            if samples is None:
                continue
            if is_float:
                unknown += samples.size - int(np.isfinite(samples).sum())
            low, top = value_range(self.colours.colour_samples(samples))
            if low < 0 and not is_float:
                raise UnreadableImage(
                    "it is a TIFF with negative numbers, whose black and white are not known; "
                    "save it with 8 or 16 bits without a sign"
                )
            high = max(high, top)
            alpha = self.colours.alpha_samples(samples)
            if alpha is not None:
                alpha_high = max(alpha_high, value_range(alpha)[1])
        return white_level(high, dtype), white_level(alpha_high, dtype), unknown

    def rgb(self, row: int, column: int, whites: tuple[float, float]) -> np.ndarray | None:
        """(h, w, 3) uint8 of one piece."""
        samples = self.samples(row, column)
        return None if samples is None else self.colours.rgb(samples, *whites)


def decode_tiff(file: BinaryIO) -> Picture:
    """Decode an open TIFF's largest picture. Raises UnreadableImage."""
    with opened(file) as tiff:
        found = directory(tiff)
        base = found.levels[0]
        check_size(base.width, base.height)
        raster = Raster(base.pages, file, threading.Lock())
        rgb, unknown = decode_raster(raster)
        return Picture(
            np.ascontiguousarray(upright(rgb, found.orientation)),
            "TIFF",
            found.mpp,
            rgb_profile(found.icc_profile),
            found.notes + raster.colours.notes,
            unknown,
        )


def decode_raster(raster: Raster) -> tuple[np.ndarray, int]:
    """All pixels, (H, W, 3) uint8, and how many of its numbers are not finite."""
    *whites, unknown = raster.whites()
    out = np.full((raster.height, raster.width, 3), 255, np.uint8)
    for row, column in raster.places:
        piece = raster.rgb(row, column, (whites[0], whites[1]))
        if piece is not None:
            top, left = row * raster.tile_height, column * raster.tile_width
            out[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
    return out, unknown
