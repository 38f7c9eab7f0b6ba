"""Writes the DICOM files of a small slide, as a scanner exports them to a folder."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
JPEG_SYNTAX = "1.2.840.10008.1.2.4.50"
LONG_LENGTHS = ("SQ", "OB")
UNDEFINED = 0xFFFFFFFF
SIDE = 128  # of a frame, pixels


def write_instance(
    path: Path,
    side: int,
    kind: str = "VOLUME",
    value: str = "NONE",
    syntax: str = JPEG_SYNTAX,
    *,
    picture: np.ndarray | None = None,
    pixel_mm: float | None = None,
) -> None:
    """One image of a slide, ``side`` px a side: a level (VOLUME), LABEL or OVERVIEW.

    value: NONE for the level that was scanned, RESAMPLED for the others. picture: (H, W, 3), of
    whole frames; without it each frame is of one colour. pixel_mm: 0 = the file does not say.
    """
    pixel_mm = 0.256 / side if pixel_mm is None else pixel_mm
    spacing = element(0x0028, 0x0030, "DS", f"{pixel_mm:.6f}\\{pixel_mm:.6f}")
    measures = element(0x0028, 0x9110, "SQ", item(spacing if pixel_mm else b""))
    height, width = (side, side) if picture is None else picture.shape[:2]
    rows, columns = height // SIDE, width // SIDE
    frames = rows * columns
    uid = f"1.2.9.{width}.{height}.{len(kind)}"
    meta = b"".join([
        element(0x0002, 0x0001, "OB", b"\0\1"), element(0x0002, 0x0002, "UI", WHOLE_SLIDE),
        element(0x0002, 0x0003, "UI", uid), element(0x0002, 0x0010, "UI", syntax),
        element(0x0002, 0x0012, "UI", "1.2.3.4"),
    ])  # fmt: skip
    image_type = f"{'ORIGINAL' if value == 'NONE' else 'DERIVED'}\\PRIMARY\\{kind}\\{value}"
    body = [
        element(0x0008, 0x0008, "CS", image_type), element(0x0008, 0x0016, "UI", WHOLE_SLIDE),
        element(0x0008, 0x0018, "UI", uid), element(0x0008, 0x0060, "CS", "SM"),
        element(0x0020, 0x000D, "UI", "1.2.3"), element(0x0020, 0x000E, "UI", "1.2.5"),
        element(0x0020, 0x9311, "CS", "TILED_FULL"), element(0x0028, 0x0002, "US", 3),
        element(0x0028, 0x0004, "CS", "YBR_FULL_422"), element(0x0028, 0x0006, "US", 0),
        element(0x0028, 0x0008, "IS", str(frames)), element(0x0028, 0x0010, "US", SIDE),
        element(0x0028, 0x0011, "US", SIDE), element(0x0028, 0x0100, "US", 8),
        element(0x0028, 0x0101, "US", 8), element(0x0028, 0x0102, "US", 7),
        element(0x0028, 0x0103, "US", 0), element(0x0048, 0x0006, "UL", width),
        element(0x0048, 0x0007, "UL", height), element(0x0048, 0x0105, "SQ", item(b"")),
        element(0x5200, 0x9229, "SQ", item(measures)),
    ]  # fmt: skip
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED)
    pixels += fragment(b"") + b"".join(
        fragment(frame((200 - 5 * n, 60, 60) if picture is None else _part(picture, n, columns)))
        for n in range(frames)
    )
    pixels += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    length = element(0x0002, 0x0000, "UL", len(meta))
    path.write_bytes(bytes(128) + b"DICM" + length + meta + b"".join(body) + pixels)


def element(group: int, number: int, kind: str, value: str | int | bytes) -> bytes:
    """Explicit and little-endian, of an even length."""
    if isinstance(value, int):
        data = struct.pack("<I" if kind == "UL" else "<H", value)
    else:
        data = value.encode("ascii") if isinstance(value, str) else value
    data += (b"\0" if kind in ("UI", "OB") else b" ") * (len(data) % 2)
    head = struct.pack("<HH", group, number) + kind.encode()
    if kind in LONG_LENGTHS:
        return head + struct.pack("<HI", 0, len(data)) + data
    return head + struct.pack("<H", len(data)) + data


def item(data: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


def fragment(data: bytes) -> bytes:
    return item(data + bytes(len(data) % 2))


def frame(colours: object) -> bytes:
    """colours: one, or a picture of ``SIDE`` px a side."""
    file = io.BytesIO()
    pixels = np.full((SIDE, SIDE, 3), colours, np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def _part(picture: np.ndarray, number: int, columns: int) -> np.ndarray:
    top, left = number // columns * SIDE, number % columns * SIDE
    return picture[top : top + SIDE, left : left + SIDE]
