"""Writes TIFFs of every kind from known pixels, small ones, for tests to open.

tifffile writes few compressions without imagecodecs, and no packed bits; this writes them all.
"""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

MINISWHITE, MINISBLACK, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
NONE, LZW, JPEG, DEFLATE, PACKBITS, LZMA, ZSTD, WEBP, JPEG2000 = (
    1, 5, 7, 8, 32773, 34925, 50000, 50001, 34712,
)  # fmt: skip
THROUGH_PILLOW = {LZW: "tiff_lzw", PACKBITS: "packbits", ZSTD: "zstd", 4: "group4", 2: "tiff_ccitt"}
PICTURES = {JPEG: "JPEG", WEBP: "WEBP", JPEG2000: "JPEG2000"}
SHORT, LONG, RATIONAL, ASCII, UNDEFINED = 3, 4, 5, 2, 7


@dataclass(frozen=True)
class Kind:
    """How a page is stored."""

    photometric: int = RGB
    bits: int = 8
    sample_format: int = 1  # 1 unsigned, 2 signed, 3 float
    planar: int = 1
    tile: int | None = None  # side; None: strips
    rows_per_strip: int = 0  # 0: all in one
    compression: int = NONE
    predictor: int = 1
    order: str = "<"
    orientation: int = 1
    fill_order: int = 1
    extra: tuple[int, ...] = ()  # of the ExtraSamples tag
    reduced: bool = False
    quality: int = 100  # of JPEG
    subsampling: int = 0  # of its chroma: 2 = 4:2:0
    shared_tables: bool = False  # of JPEG tiles: once for the page, as Aperio and libtiff have it
    tags: tuple[tuple[int, int, object], ...] = field(default=())  # further (tag, type, value)

    @property
    def dtype(self) -> np.dtype:
        size = next(s for s in (8, 16, 32, 64) if self.bits <= s) // 8
        return np.dtype({1: "u", 2: "i", 3: "f"}[self.sample_format] + str(size))


@dataclass(frozen=True)
class Page:
    """Samples (H, W, S) or (H, W) and how they are stored; ``below`` are SubIFDs."""

    samples: np.ndarray
    kind: Kind
    below: tuple[Page, ...] = ()


def write_tiff(path: Path, pages: Sequence[Page], big: bool = False) -> Path:
    """Write a classic TIFF, or a BigTIFF."""
    order = pages[0].kind.order
    writer = _Writer(order, big)
    last = writer.link
    for page in pages:
        last = writer.page(page, last)
    path.write_bytes(bytes(writer.data))
    return path


class _Writer:
    def __init__(self, order: str, big: bool) -> None:
        self.order, self.big = order, big
        mark = b"II" if order == "<" else b"MM"
        if big:
            self.data = bytearray(mark + struct.pack(order + "HHHQ", 43, 8, 0, 0))
        else:
            self.data = bytearray(mark + struct.pack(order + "HI", 42, 0))
        self.link = 8 if big else 4  # where the next directory's offset belongs

    def append(self, data: bytes) -> int:
        self.data += bytes(len(self.data) % 2)
        place = len(self.data)
        self.data += data
        return place

    def page(self, page: Page, link: int | None) -> int:
        """Write a page; returns where the offset of the next one belongs."""
        below = [self.directory(part)[0] for part in page.below]
        start, after = self.directory(page, below)
        if link is not None:
            struct.pack_into(self.order + ("Q" if self.big else "I"), self.data, link, start)
        return after

    def directory(self, page: Page, below: Sequence[int] = ()) -> tuple[int, int]:
        kind, samples = page.kind, page.samples
        samples = samples.reshape(*samples.shape[:2], -1)
        height, width, count = samples.shape
        pieces = encoded(samples, kind)
        tables = b""
        if kind.shared_tables:
            tables, *_ = (without_tables(piece)[0] for piece in pieces)
            pieces = [without_tables(piece)[1] for piece in pieces]
        offsets = [self.append(piece) if piece else 0 for piece in pieces]
        tags: list[tuple[int, int, object]] = [
            (254, LONG, int(kind.reduced)), (256, LONG, width), (257, LONG, height),
            (258, SHORT, [kind.bits] * count), (259, SHORT, kind.compression),
            (262, SHORT, kind.photometric), (277, SHORT, count), (284, SHORT, kind.planar),
            (339, SHORT, [kind.sample_format] * count), *kind.tags,
        ]  # fmt: skip
        if kind.orientation != 1:
            tags.append((274, SHORT, kind.orientation))
        if kind.predictor != 1:
            tags.append((317, SHORT, kind.predictor))
        if kind.fill_order != 1:
            tags.append((266, SHORT, kind.fill_order))
        if kind.extra:
            tags.append((338, SHORT, list(kind.extra)))
        if tables:
            tags.append((347, UNDEFINED, b"\xff\xd8" + tables + b"\xff\xd9"))
        if below:
            tags.append((330, LONG, list(below)))
        lengths = [len(piece) for piece in pieces]
        if kind.tile:
            tags += [(322, LONG, kind.tile), (323, LONG, kind.tile)]
            tags += [(324, LONG, offsets), (325, LONG, lengths)]
        else:
            tags += [(273, LONG, offsets), (278, LONG, kind.rows_per_strip or height)]
            tags.append((279, LONG, lengths))
        entries = b"".join(self.entry(*tag) for tag in sorted(tags, key=lambda tag: tag[0]))
        head = struct.pack(self.order + ("Q" if self.big else "H"), len(tags))
        start = self.append(head + entries + bytes(8 if self.big else 4))
        return start, start + len(head) + len(entries)

    def entry(self, tag: int, kind: int, value: object) -> bytes:
        if kind == ASCII:
            data = str(value).encode() + b"\0"
            count = len(data)
        elif isinstance(value, bytes):
            data, count = value, len(value)
        else:
            values = list(np.atleast_1d(np.asarray(value)).ravel())
            count = len(values) // (2 if kind == RATIONAL else 1)
            letter = "H" if kind == SHORT else "I"
            data = struct.pack(f"{self.order}{len(values)}{letter}", *(int(v) for v in values))
        room = 8 if self.big else 4
        if len(data) > room:
            data = struct.pack(self.order + ("Q" if self.big else "I"), self.append(data))
        return struct.pack(self.order + ("HHQ" if self.big else "HHI"), tag, kind, count) + (
            data.ljust(room, b"\0")
        )


def encoded(samples: np.ndarray, kind: Kind) -> list[bytes]:
    """The tiles or strips of a page, in the file's order."""
    if kind.planar == 2:
        single = replace(kind, planar=1)
        planes = np.moveaxis(samples, 2, 0)[..., None]
        return [piece for plane in planes for piece in encoded(plane, single)]
    height, width = samples.shape[:2]
    if kind.tile is None:
        rows = kind.rows_per_strip or height
        return [encode(samples[top : top + rows], kind) for top in range(0, height, rows)]
    side = kind.tile
    padding = ((0, -height % side), (0, -width % side), (0, 0))
    padded = np.pad(samples, padding, mode="edge")
    return [
        encode(padded[top : top + side, left : left + side], kind)
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def encode(samples: np.ndarray, kind: Kind) -> bytes:
    """One tile or strip."""
    if kind.compression in PICTURES:
        return _picture(samples, kind)
    if kind.photometric == YCBCR and samples.shape[2] == 3 and (530, SHORT, [2, 2]) in kind.tags:
        rows = _subsampled(samples)
    else:
        rows = packed(samples, kind)
    data = rows.tobytes()
    if kind.fill_order == 2 and kind.compression == NONE:
        return np.packbits(np.unpackbits(rows.reshape(-1, 1), axis=1)[:, ::-1]).tobytes()
    if kind.compression == NONE:
        return data
    if kind.compression in (DEFLATE, 32946):
        return zlib.compress(data)
    if kind.compression == LZMA:
        return lzma.compress(data, check=lzma.CHECK_NONE)
    return _through_pillow(rows, kind.compression, samples.shape[1])


def packed(samples: np.ndarray, kind: Kind) -> np.ndarray:
    """Rows of bytes (H, N) uint8, before compression."""
    height = len(samples)
    values = samples.astype(kind.dtype)
    if kind.predictor == 2:
        whole = values.view(f"u{values.itemsize}")
        values = np.diff(whole, axis=1, prepend=np.zeros_like(whole[:, :1]))
    if kind.predictor == 3:
        parts = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(">")))
        parts = parts.view(np.uint8).reshape(height, -1, values.itemsize).swapaxes(1, 2)
        parts = np.ascontiguousarray(parts).reshape(height, -1, samples.shape[2])
        return np.diff(parts, axis=1, prepend=np.zeros_like(parts[:, :1])).reshape(height, -1)
    if kind.bits % 8 == 0:
        stored = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(kind.order)))
        return stored.reshape(height, -1).view(np.uint8)
    places = np.arange(kind.bits)[::-1]
    ones = (values.reshape(height, -1, 1).astype(np.uint32) >> places) & 1
    return np.packbits(ones.astype(np.uint8).reshape(height, -1), axis=1)


def _subsampled(ycbcr: np.ndarray) -> np.ndarray:
    """2 × 2 blocks of luma, Cb and Cr, of an even height and width."""
    height, width = ycbcr.shape[:2]
    luma = ycbcr[..., 0].reshape(height // 2, 2, width // 2, 2).swapaxes(1, 2)
    luma = luma.reshape(height // 2, width // 2, 4)
    return np.concatenate([luma, ycbcr[::2, ::2, 1:]], axis=2).reshape(height // 2, -1)


def _through_pillow(rows: np.ndarray, compression: int, width: int) -> bytes:
    """The only strip of a TIFF that Pillow writes."""
    bilevel = compression in (2, 3, 4)
    if bilevel:
        image = Image.frombytes("1", (width, len(rows)), rows.tobytes())
    else:
        image = Image.fromarray(rows)
    file = io.BytesIO()
    image.save(file, "TIFF", compression=THROUGH_PILLOW[compression], strip_size=1 << 24)
    with Image.open(file) as written:
        (offset,), (count,) = written.tag_v2[273], written.tag_v2[279]
    return file.getvalue()[offset : offset + count]


def _picture(samples: np.ndarray, kind: Kind) -> bytes:
    """A tile that is an image file of its own."""
    file = io.BytesIO()
    if kind.compression == JPEG and kind.photometric == RGB and samples.shape[2] == 3:
        image = Image.fromarray(samples)
        image.save(file, "JPEG", quality=100, subsampling=0, keep_rgb=True)
    elif kind.compression == JPEG:
        options = {"quality": kind.quality, "subsampling": kind.subsampling}
        Image.fromarray(samples.squeeze()).save(file, "JPEG", **options)
    else:
        lossless = {"lossless": True} if kind.compression == WEBP else {}
        Image.fromarray(samples.squeeze()).save(file, PICTURES[kind.compression], **lossless)
    return file.getvalue()


def without_tables(jpeg: bytes) -> tuple[bytes, bytes]:
    """The quantisation and Huffman tables of a JPEG file, and the file without them."""
    tables, kept, place = b"", jpeg[:2], 2
    while jpeg[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        segment = jpeg[place:end]
        if segment[1] in (0xDB, 0xC4):
            tables += segment
        else:
            kept += segment
        place = end
    return tables, kept + jpeg[place:]


def declare_compression(path: Path, number: int) -> Path:
    """Write another number into the Compression tag of a little-endian file of one page."""
    data = bytearray(path.read_bytes())
    place = data.index(struct.pack("<HHI", 259, SHORT, 1))
    struct.pack_into("<H", data, place + 8, number)
    path.write_bytes(data)
    return path
