"""Tiles and strips of a TIFF page as arrays of its samples."""

from __future__ import annotations

import os
import threading
from typing import BinaryIO

import numpy as np
from tifffile import PHOTOMETRIC, TiffPage

from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.tiff.codecs import (
    DAMAGED,
    FAX,
    NONE,
    STREAMS,
    check_compression,
    decode_picture,
    decode_stream,
    is_picture,
)

KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # of the SampleFormat tag
BITS = {"u": (*range(1, 17), 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
SUBSAMPLING_TAG = 530
MAX_SEGMENT_BYTES = 2**30  # decoded; a strip can be the whole picture


class Segments:
    """The grid of a page's tiles, or of its strips. Any number of threads may read."""

    def __init__(self, page: TiffPage, file: BinaryIO, lock: threading.Lock) -> None:
        """Raises UnreadableImage for what cannot be decoded."""
        self._page, self._file, self._lock = page, file, lock
        self.width, self.height = page.imagewidth, page.imagelength
        self.samples = page.samplesperpixel
        self.tile_width = page.tilewidth if page.is_tiled else self.width
        strip = min(page.rowsperstrip or self.height, self.height)
        self.tile_height = page.tilelength if page.is_tiled else strip
        self.dtype = np.dtype(self._check())
        self.columns = -(-self.width // self.tile_width)
        self.rows = -(-self.height // self.tile_height)
        planes = self.samples if page.planarconfig == 2 else 1
        if len(page.dataoffsets) < self.rows * self.columns * planes:
            raise UnreadableImage(DAMAGED)

    def _check(self) -> str:
        """The name of the numbers' type."""
        page = self._page
        if min(self.width, self.height, self.samples, self.tile_width, self.tile_height) < 1:
            raise UnreadableImage(DAMAGED)
        if page.imagedepth > 1:
            raise UnreadableImage(
                "it is a TIFF of {imagedepth} planes; save one plane as a file of its own",
                imagedepth=page.imagedepth,
            )
        kind = KINDS.get(int(page.sampleformat or 1))
        bits = page.bitspersample
        if kind is None or not isinstance(bits, int) or bits not in BITS[kind]:
            raise UnreadableImage(
                "it is a TIFF of {bits}-bit numbers of a kind that is no picture (sample format "
                "{sampleformat}); save it with 8 or 16 bits a channel",
                bits=bits,
                sampleformat=page.sampleformat,
            )
        if min(self._chroma) < 1:
            raise UnreadableImage(DAMAGED)
        if self._chroma != (1, 1) and page.planarconfig == 2:
            raise UnreadableImage(
                "it is a TIFF whose chroma is in planes of its own, which is not read here; save "
                "it as RGB"
            )
        check_compression(page)
        if self.tile_width * self.tile_height * self.samples * bits // 8 > MAX_SEGMENT_BYTES:
            raise UnreadableImage(
                "it is a TIFF in pieces too large to hold in memory; convert it to a tiled TIFF"
            )
        odd = (page.predictor == 3 and kind != "f") or (page.predictor == 2 and bits % 8)
        if page.predictor not in (1, 2, 3) or odd or (page.predictor != 1 and self.is_subsampled):
            raise UnreadableImage(
                "it is a TIFF with predictor {predictor}, which is not read "
                "here; save it without a predictor",
                predictor=int(page.predictor),
            )
        return f"{kind}{next(size for size in (8, 16, 32, 64) if bits <= size) // 8}"

    @property
    def is_subsampled(self) -> bool:
        """Whether chroma is stored beside blocks of luma, as YCbCr without JPEG has it."""
        return self._chroma != (1, 1) and not is_picture(self._page)

    @property
    def _chroma(self) -> tuple[int, int]:
        """Pixels that share one chroma value, across and down."""
        if self._page.photometric != PHOTOMETRIC.YCBCR:
            return 1, 1
        across, down = self._page.tags.valueof(SUBSAMPLING_TAG, (2, 2))
        return int(across), int(down)

    def read(self, row: int, column: int) -> np.ndarray | None:
        """(h, w, samples) of the segment, cut to the picture; None where the file has none.

        Raises UnreadableImage for a damaged one.
        """
        width = min(self.tile_width, self.width - column * self.tile_width)
        height = min(self.tile_height, self.height - row * self.tile_height)
        planes = self.samples if self._page.planarconfig == 2 else 1
        parts = []
        for plane in range(planes):
            index = (plane * self.rows + row) * self.columns + column
            piece = self._bytes(index)
            if piece is None:
                return None
            parts.append(self._decode(piece, index, height)[:height, :width])
        return parts[0] if planes == 1 else np.concatenate(parts, axis=2)

    def _bytes(self, index: int) -> bytes | None:
        try:
            offset = self._page.dataoffsets[index]
            count = self._page.databytecounts[index]
        except IndexError as error:
            raise UnreadableImage(DAMAGED) from error
        if count == 0 or offset == 0:
            return None  # a tile that was never written
        with self._lock:
            end = self._file.seek(0, os.SEEK_END)
            if offset + count > end:  # asked first: any number may be written there
                raise UnreadableImage("the file is incomplete; copy it again")
            self._file.seek(offset)
            return self._file.read(count)

    def _decode(self, piece: bytes, index: int, height: int) -> np.ndarray:
        """Samples of a whole tile, or of a strip as high as it is."""
        page = self._page
        width, tall = self.tile_width, self.tile_height if page.is_tiled else height
        if is_picture(page):
            return decode_picture(page, piece, width, tall)
        if int(page.compression) not in (NONE, *STREAMS, *FAX):
            return self._by_imagecodecs(piece, index)
        if self.is_subsampled:
            return self._luma_and_chroma(piece, width, tall)
        samples = 1 if page.planarconfig == 2 else self.samples
        row_bytes = -(-width * samples * page.bitspersample // 8)
        data = decode_stream(page, piece, row_bytes, width, tall)
        if page.predictor == 3:
            return _unpredicted_floats(data, self.dtype, tall, width, samples)
        values = self._unpacked(data, tall, width * samples).reshape(tall, width, samples)
        if page.predictor == 2:
            whole = values.view(f"u{values.itemsize}")
            np.cumsum(whole, axis=1, dtype=whole.dtype, out=whole)
        return values

    def _unpacked(self, data: bytes, height: int, count: int) -> np.ndarray:
        """Numbers of any number of bits -> (height, count) in native byte order, writable."""
        bits = self._page.bitspersample
        if bits % 8 == 0:
            order = self._page.parent.byteorder
            return np.frombuffer(data, self.dtype.newbyteorder(order)).astype(
                self.dtype
            ).reshape(height, count)  # fmt: skip
        rows = np.frombuffer(data, np.uint8).reshape(height, -1)
        out = np.empty((height, count), self.dtype)
        weights = (1 << np.arange(bits)[::-1]).astype(self.dtype)
        step = max(1, 4_000_000 // max(1, count * bits))
        for top in range(0, height, step):
            ones = np.unpackbits(rows[top : top + step], axis=1, count=count * bits)
            out[top : top + step] = (ones.reshape(-1, count, bits) * weights).sum(
                2, dtype=self.dtype
            )
        return out

    def _luma_and_chroma(self, piece: bytes, width: int, height: int) -> np.ndarray:
        """Blocks of h × v luma values, Cb and Cr -> (height, width, 3) uint8 YCbCr."""
        across, down = self._chroma
        columns, rows = -(-width // across), -(-height // down)
        unit = across * down + 2
        data = decode_stream(self._page, piece, columns * unit, width, rows)
        units = np.frombuffer(data, np.uint8).reshape(rows, columns, unit)
        luma = units[..., :-2].reshape(rows, columns, down, across).swapaxes(1, 2)
        out = np.empty((rows * down, columns * across, 3), np.uint8)
        out[..., 0] = luma.reshape(out.shape[:2])
        out[..., 1:] = units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
        return out[:height, :width]

    def _by_imagecodecs(self, piece: bytes, index: int) -> np.ndarray:
        try:
            decoded, _, _ = self._page.decode(piece, index, jpegtables=self._page.jpegtables)
        except Exception as error:  # of any codec's own kind
            raise UnreadableImage(DAMAGED) from error
        if decoded is None:
            raise UnreadableImage(DAMAGED)
        return decoded[0]


def _unpredicted_floats(
    data: bytes, dtype: np.dtype, height: int, width: int, samples: int
) -> np.ndarray:
    """Adobe's predictor 3: bytes in planes, the most significant first, as differences."""
    planes = np.frombuffer(data, np.uint8).reshape(height, dtype.itemsize * width, samples)
    summed = np.cumsum(planes, axis=1, dtype=np.uint8)
    parts = summed.reshape(height, dtype.itemsize, width * samples).swapaxes(1, 2)
    values = np.ascontiguousarray(parts).view(dtype.newbyteorder(">")).astype(dtype)
    return values.reshape(height, width, samples)
