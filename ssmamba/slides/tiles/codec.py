"""Decodes one tile into memory of the caller's.

simplejpeg (libjpeg-turbo) writes JPEG in the wanted order of colours without a copy, deflate
(libdeflate) unpacks at twice zlib's speed. Both let other threads run meanwhile. Where they are
missing, speed is: JPEG tiles are then left to OpenSlide, and Python's zlib unpacks Deflate.
"""

from __future__ import annotations

import sys
import zlib

import numpy as np

from ssmamba.slides.tiff.codecs import DEFLATE, JPEG, jpeg_file
from ssmamba.slides.tiles.table import TileTable

try:
    import simplejpeg
except ImportError:
    simplejpeg = None
try:
    import deflate
except ImportError:
    deflate = None  # type: ignore[assignment]

UNPACKING_FAULTS: tuple[type[Exception], ...] = (zlib.error, MemoryError)
if deflate is not None:
    UNPACKING_FAULTS += (deflate.DeflateError,)
Buffer = bytes | bytearray | memoryview
COLOUR_ORDER = {3: "RGB", 4: "BGRA"}


class TileFault(ValueError):
    """A tile that cannot be decoded here, for whatever reason."""


def can_decode(table: TileTable) -> bool:
    """Whether the libraries for a level's compression are there."""
    return table.compression != JPEG or simplejpeg is not None


def decode_into(table: TileTable, piece: Buffer, out: np.ndarray) -> None:
    """Decode a tile as it lies in the file.

    out: (tile_height, tile_width, 3) uint8 RGB or (tile_height, tile_width, 4) opaque BGRA,
    C-contiguous; after a TileFault its content means nothing.
    """
    if table.compression == JPEG:
        _decode_jpeg(table, piece, out)
    else:
        _fill(table, _unpacked(table, piece), out)


def _decode_jpeg(table: TileTable, piece: Buffer, out: np.ndarray) -> None:
    stream = jpeg_file(bytes(piece), table.jpeg_tables, table.is_ycbcr)
    try:  # strict: what libjpeg only warns of is a fault
        decoded = simplejpeg.decode_jpeg(stream, COLOUR_ORDER[out.shape[2]], buffer=out)
    except (ValueError, MemoryError) as error:
        raise TileFault(str(error)) from error
    if decoded.shape != out.shape:
        raise TileFault(f"its size is {decoded.shape[1]}×{decoded.shape[0]} px")


def _unpacked(table: TileTable, piece: Buffer) -> Buffer:
    """The samples of a tile without JPEG compression, RGB by RGB, row by row."""
    size = table.tile_width * table.tile_height * 3
    data = piece
    if table.compression in DEFLATE:
        try:
            if deflate is not None:
                data = deflate.zlib_decompress(piece, size)
            else:
                data = zlib.decompressobj().decompress(piece, size)
        except UNPACKING_FAULTS as error:
            raise TileFault(str(error)) from error
    if len(data) != size:
        raise TileFault(f"it has {len(data)} bytes instead of {size}")
    return data


def _fill(table: TileTable, data: Buffer, out: np.ndarray) -> None:
    """Samples -> RGB or BGRA."""
    shape = table.tile_height, table.tile_width, 3
    rgb = np.frombuffer(data, np.uint8).reshape(shape)
    if table.predictor == 2:
        rgb = np.cumsum(rgb, axis=1, dtype=np.uint8)
    if out.shape[2] == 3:
        out[...] = rgb
    elif sys.byteorder == "little":
        _pack_bgra(rgb, out)
    else:
        out[..., :3] = rgb[..., ::-1]
        out[..., 3] = 255


def _pack_bgra(rgb: np.ndarray, out: np.ndarray) -> None:
    """RGB -> BGRA as whole words, which takes half the time of colour by colour."""
    flat, words = rgb.reshape(-1), out.reshape(-1, 4).view("<u4")[:, 0]
    # each word starts at a red byte and ends with the next pixel's: big-endian 0xRRGGBB__
    last = len(words) - 1
    starts = np.ndarray((last,), ">u4", flat, 0, (3,))
    np.right_shift(starts, 8, out=words[:last])
    words[last] = int.from_bytes(flat[-3:].tobytes(), "big")
    words |= np.uint32(0xFF000000)
