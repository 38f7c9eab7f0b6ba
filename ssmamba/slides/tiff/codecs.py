"""Decompresses the tiles and strips of a TIFF.

Deflate and LZMA are Python's own. libtiff, inside Pillow, decodes other streams of bytes: a piece
is wrapped as a grey TIFF of one strip. Pieces that are pictures of their own (JPEG, WebP, JPEG
2000) are opened as such. What is left is decoded by imagecodecs where it is installed.
"""

from __future__ import annotations

import importlib.util
import io
import lzma
import struct
import zlib

import numpy as np
from PIL import Image
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.pillow_image import DAMAGE
from ssmamba.wording import words

NONE, FAX, OLD_JPEG, JPEG = 1, (2, 3, 4), 6, 7
DEFLATE, LZMA = (8, 32946), 34925
STREAMS = (5, 32773, 50000, *DEFLATE, LZMA)  # LZW, PackBits, ZSTD and these
PICTURES = {50001: "WEBP", 33003: "JPEG2000", 33004: "JPEG2000", 33005: "JPEG2000",
            34712: "JPEG2000"}  # fmt: skip
NAMES = {
    OLD_JPEG: "old-style JPEG", JPEG: "JPEG", 34712: "JPEG 2000", 34887: "LERC", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL", 34661: "JBIG", 34892: "lossy JPEG (DNG)",
}  # fmt: skip
INSTALL = words("install imagecodecs (pip install imagecodecs), or ")
DAMAGED = words("a part of it is damaged or missing; copy the file again")
T4_OPTIONS, T6_OPTIONS = 292, 293
REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1])


def compression_name(compression: int) -> str:
    """The name that people know it by."""
    if compression in NAMES:
        return NAMES[compression]
    try:
        return COMPRESSION(compression).name
    except ValueError:
        return words("unknown (number {compression})", compression=compression)


def has_imagecodecs() -> bool:
    return importlib.util.find_spec("imagecodecs") is not None


def check_compression(page: TiffPage) -> None:
    """Raises UnreadableImage for one that no decoder here reads."""
    kind = int(page.compression)
    deep = np.any(np.atleast_1d(page.bitspersample) > 8)
    if kind == NONE or kind in STREAMS or kind in FAX:
        return
    if (kind == JPEG or kind in PICTURES) and not deep:
        return
    if kind == OLD_JPEG or not has_imagecodecs():
        depth = words("{bits}-bit ", bits=page.bitspersample) if deep else ""
        # tools that read what this program does not: imagecodecs covers the most
        remedy = "" if kind == OLD_JPEG else INSTALL
        raise UnreadableImage(
            "it is a TIFF with {depth}{compression} compression, which is not read "
            "here; {remedy}convert it, for example with: vips tiffsave IN OUT.tif --tile "
            "--pyramid --compression deflate",
            depth=depth,
            compression=compression_name(kind),
            remedy=remedy,
        )


def is_picture(page: TiffPage) -> bool:
    """Whether a piece of the page is an image file of its own, decoded to samples at once."""
    kind = int(page.compression)
    return kind == JPEG or kind in PICTURES


def decode_picture(page: TiffPage, piece: bytes, width: int, height: int) -> np.ndarray:
    """A piece that is a JPEG, WebP or JPEG 2000 -> (height, width, samples) uint8, RGB if colour.

    Raises UnreadableImage.
    """
    kind = int(page.compression)
    if kind == JPEG:
        piece = jpeg_file(piece, page.jpegtables, page.photometric == PHOTOMETRIC.YCBCR)
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    try:
        with Image.open(io.BytesIO(piece), formats=[PICTURES.get(kind, "JPEG")]) as image:
            if image.width * image.height > 4 * width * height:
                raise UnreadableImage(DAMAGED)
            if kind == 50001:
                image = image.convert("RGBA" if samples == 4 else "RGB")  # type: ignore[assignment]
            pixels = np.asarray(image)
    except DAMAGE as error:
        raise UnreadableImage(DAMAGED) from error
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[0] < height or pixels.shape[1] < width or pixels.shape[2] < samples:
        raise UnreadableImage(DAMAGED)
    return pixels[:height, :width]


def jpeg_file(piece: bytes, tables: bytes | None, is_ycbcr: bool) -> bytes:
    """An abbreviated JPEG stream as a file whose markers say the colours that the TIFF says."""
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([is_ycbcr])
    head = b"\xff\xd8" + (tables[2:-2] if tables else b"")
    place, kept = 2, b""
    while piece[place : place + 1] == b"\xff" and piece[place + 1 : place + 2] not in (
        b"\xda",
        b"",
    ):
        length = 2 + int.from_bytes(piece[place + 2 : place + 4], "big")
        marker = piece[place : place + length]
        if marker[1] in (0xC0, 0xC1, 0xC2) and len(marker) > 9 and marker[9] == 3:
            kept += adobe
        kept += b"" if marker[1] in (0xE0, 0xEE) else marker
        place += length
    return head + kept + piece[place:]


def decode_stream(page: TiffPage, piece: bytes, row_bytes: int, width: int, height: int) -> bytes:
    """A piece of a page without compression, or with one of bytes: ``height`` rows.

    width: pixels of a row, which fax compression needs. Raises UnreadableImage.
    """
    kind = int(page.compression)
    if page.fillorder == 2:
        piece = REVERSED[np.frombuffer(piece, np.uint8)].tobytes()
    if kind in (*DEFLATE, LZMA):
        unpacker = lzma.LZMADecompressor() if kind == LZMA else zlib.decompressobj()
        try:
            piece = unpacker.decompress(piece, row_bytes * height)
        except (*DAMAGE, zlib.error, lzma.LZMAError) as error:
            raise UnreadableImage(DAMAGED) from error
    elif kind != NONE:
        bits = 1 if kind in FAX else 8
        tags = [(256, width if bits == 1 else row_bytes), (257, height), (258, bits), (259, kind)]
        tags += [(262, 1), (273, 0), (277, 1), (278, height), (279, len(piece))]
        tags += [(t, page.tags[t].value) for t in (T4_OPTIONS, T6_OPTIONS) if t in page.tags]
        try:
            with Image.open(io.BytesIO(_tiff(tags, piece)), formats=["TIFF"]) as image:
                piece = image.tobytes()
        except DAMAGE as error:
            raise UnreadableImage(DAMAGED) from error
    if len(piece) < row_bytes * height:
        raise UnreadableImage(DAMAGED)
    return piece[: row_bytes * height]


def _tiff(tags: list[tuple[int, int]], strip: bytes) -> bytes:
    """A little-endian TIFF of one strip; the value of its offset is filled in."""
    start = 8 + 2 + 12 * len(tags) + 4
    entries = (struct.pack("<HHII", t, 4, 1, start if t == 273 else v) for t, v in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(entries) + bytes(4) + strip
