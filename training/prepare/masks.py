"""Tumour areas of slides as pixel masks (PAIP2019)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC

from ssmamba.errors import DataError
from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.tiff.codecs import is_picture
from ssmamba.slides.tiff.colours import Colours
from ssmamba.slides.tiff.directory import opened
from ssmamba.slides.tiff.segments import Segments

CELL = 32  # pixels; shares of a mask are stored for squares of this side
SAME_SIZE = 0.001  # largest difference of mask and slide, as a share of a side
SHOWN = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
ORIENTATION = 274  # the tag
FLOAT = 3  # of the tag SampleFormat
HALF = 128  # at least this is inside in a lossy mask, whose zeros are not exactly zero


@dataclass(frozen=True)
class MaskGrid:
    """Shares of a mask in squares of CELL pixels."""

    shares: np.ndarray  # (rows, columns) float32, 0..1

    def share(self, x: float, y: float, side: float) -> float:
        """Mean share in the cells whose centres are in a square, level-0 pixels."""
        edges = [(v / CELL, (v + side) / CELL) for v in (y, x)]
        rows, columns = (slice(*(max(0, round(e)) for e in edge)) for edge in edges)
        cells = self.shares[rows, columns]
        return float(cells.mean()) if cells.size else 0.0


def read_mask(path: Path, size: tuple[int, int] | None = None) -> MaskGrid:
    """Read a TIFF mask of level-0 size piece by piece, so that it fits in memory.

    Black is outside, whichever number or palette entry stands for black; alpha is not looked at.

    size: (width, height) of the slide at level 0. Raises DataError when the mask is of another
    size, is stored turned, or cannot be decoded.
    """
    try:
        with path.open("rb") as file, opened(file) as tiff:
            page = tiff.pages.first
            _refuse_other_size(path, (page.imagewidth, page.imagelength), size)
            if int(page.tags.valueof(ORIENTATION, 1)) != 1:
                raise UnreadableImage("it is stored turned or mirrored; save it upright")
            return MaskGrid(_shares(page, file))
    except UnreadableImage as error:
        raise DataError(f"{path} cannot be read as a mask: {error}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read as a mask ({error}); unpack it again.") from error


def _refuse_other_size(path: Path, own: tuple[int, int], size: tuple[int, int] | None) -> None:
    if size is not None and any(abs(a - b) > SAME_SIZE * b for a, b in zip(own, size, strict=True)):
        raise DataError(
            f"{path} is {own[0]}×{own[1]} px and its slide {size[0]}×{size[1]} px; give the mask "
            "of level 0, or leave the slide out."
        )


def _shares(page: tifffile.TiffPage, file: BinaryIO) -> np.ndarray:
    pieces = Segments(page, file, threading.Lock())
    height, width = pieces.height, pieces.width
    sums = np.zeros((-(-height // CELL), -(-width // CELL)), np.float32)
    is_white = _white_test(page)
    most = 0.0
    for row in range(pieces.rows):
        for column in range(pieces.columns):
            samples = pieces.read(row, column)
            if samples is None:
                continue  # not stored, which is black
            if is_picture(page) and page.photometric != PHOTOMETRIC.MINISWHITE:
                most = max(most, float(samples.max(initial=0)))
            top, left = row * pieces.tile_height, column * pieces.tile_width
            _add(sums, is_white(samples), top, left)
    if 0 < most < HALF:
        raise UnreadableImage(
            f"it is compressed with losses, and its brightest value is {most:g} of 255; save it "
            "without losses, or with white as 255"
        )
    return _normalised(sums, width, height)


def _white_test(page: tifffile.TiffPage) -> Callable[[np.ndarray], np.ndarray]:
    """What tells (h, w, samples) of a piece from black: (h, w) bool."""
    kind = int(page.photometric)
    if kind in (PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED) or (
        kind == PHOTOMETRIC.YCBCR and not is_picture(page)
    ):
        colours = Colours(page, page.samplesperpixel)
        white = colours.white or 255.0
        return lambda samples: _any(colours.rgb(samples, white, white) > 0)
    if kind not in SHOWN:
        raise UnreadableImage(f"its colours are of kind {kind}; save it as grey")
    count, lossy = _colours(page), is_picture(page)
    black: float = 0
    if kind == PHOTOMETRIC.MINISWHITE:
        black = 1.0 if page.sampleformat == FLOAT else 2 ** int(page.bitspersample) - 1
    if lossy:
        return lambda samples: _any((samples[..., :count] >= HALF) != (black > 0))
    return lambda samples: _any(samples[..., :count] != black)


def _any(samples: np.ndarray) -> np.ndarray:
    """(h, w, samples) bool -> (h, w)."""
    return np.asarray(samples.any(axis=-1))


def _colours(page: tifffile.TiffPage) -> int:
    """Samples of a pixel without alpha, which some writers do not announce."""
    samples = int(page.samplesperpixel)
    announced = len(page.extrasamples)
    return samples - announced if announced else {2: 1, 4: 3}.get(samples, samples)


def _add(sums: np.ndarray, piece: np.ndarray, top: int, left: int) -> None:
    """Add the pixels of a piece of the mask to their cells."""
    rows = (top + np.arange(piece.shape[0])) // CELL
    columns = (left + np.arange(piece.shape[1])) // CELL
    starts = [np.flatnonzero(np.diff(cells, prepend=-1)) for cells in (rows, columns)]
    by_row = np.add.reduceat(piece.astype(np.float32), starts[0], axis=0)
    cells = np.add.reduceat(by_row, starts[1], axis=1)
    sums[np.ix_(rows[starts[0]], columns[starts[1]])] += cells


def _normalised(sums: np.ndarray, width: int, height: int) -> np.ndarray:
    """Sums to shares; cells at the right and lower edge are smaller."""
    tall = np.minimum(CELL, height - CELL * np.arange(sums.shape[0]))
    wide = np.minimum(CELL, width - CELL * np.arange(sums.shape[1]))
    return sums / np.outer(tall, wide).astype(np.float32)
