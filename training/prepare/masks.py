"""Tumour areas of slides as pixel masks (PAIP2019)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG

from ssmamba.errors import DataError
from ssmamba.slides.pillow_image import FORMATS

CELL = 32  # pixels; shares of a mask are stored for squares of this side
SAME_SIZE = 0.001  # largest difference of mask and slide, as a share of a side
LOSSY = {COMPRESSION.JPEG, COMPRESSION.OJPEG, COMPRESSION.JPEG_LOSSY}
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

    Black is outside, whichever number stands for black; alpha is not looked at.

    size: (width, height) of the slide at level 0. Raises DataError when the mask is of another
    size, or cannot be decoded.
    """
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            _refuse_other_size(path, (page.imagewidth, page.imagelength), size)
            if page.planarconfig == PLANARCONFIG.SEPARATE and _colours(page) > 1:
                raise ValueError("planes that belong together")
            return MaskGrid(_shares(page))
    except (ValueError, OSError, RuntimeError, tifffile.TiffFileError):
        # planes, or a compression that only libtiff knows (LZW)
        return MaskGrid(_shares_of_whole(path, size))


def _refuse_other_size(path: Path, own: tuple[int, int], size: tuple[int, int] | None) -> None:
    if size is not None and any(abs(a - b) > SAME_SIZE * b for a, b in zip(own, size, strict=True)):
        raise DataError(
            f"{path} is {own[0]}×{own[1]} px and its slide {size[0]}×{size[1]} px; give the mask "
            "of level 0, or leave the slide out."
        )


def _colours(page: tifffile.TiffPage) -> int:
    """Samples of a pixel without alpha, which some writers do not announce."""
    samples = int(page.samplesperpixel)
    announced = len(page.extrasamples)
    return samples - announced if announced else {2: 1, 4: 3}.get(samples, samples)


def _shares(page: tifffile.TiffPage) -> np.ndarray:
    height, width = page.imagelength, page.imagewidth
    sums = np.zeros((-(-height // CELL), -(-width // CELL)), np.float32)
    colours, lossy = _colours(page), page.compression in LOSSY
    white_is_zero = page.photometric == PHOTOMETRIC.MINISWHITE
    for decoded, index, shape in page.segments():
        if decoded is None or index[0]:  # not stored, which is black; or a plane of alpha
            continue
        top, left = index[2], index[3]
        # a tile reaches beyond the right and lower edge
        piece = decoded[0, : min(shape[1], height - top), : min(shape[2], width - left), :colours]
        if white_is_zero:
            piece = ~piece if piece.dtype == bool else _most(page) - piece
        inside = np.any(piece >= HALF if lossy else piece != 0, axis=-1)
        _add(sums, np.asarray(inside), top, left)
    return _normalised(sums, width, height)


def _most(page: tifffile.TiffPage) -> int:
    return int(2 ** int(page.bitspersample) - 1)


def _shares_of_whole(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a broken file raises below
            with Image.open(path, formats=[*FORMATS, "TIFF"]) as image:
                _refuse_other_size(path, image.size, size)
                bands, pixels = image.getbands(), np.asarray(image)  # turns white-is-zero over
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as a mask ({error}); unpack it again.") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    height, width = pixels.shape[:2]
    colours = [number for number, band in enumerate(bands) if band not in ("A", "a")]
    sums = np.zeros((-(-height // CELL), -(-width // CELL)), np.float32)
    for top in range(0, height, CELL):
        band = pixels[top : top + CELL] != 0
        _add(sums, band[..., colours].any(-1) if band.ndim == 3 else band, top, 0)
    return _normalised(sums, width, height)


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
