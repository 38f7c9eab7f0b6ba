"""Why OpenSlide does not open a DICOM slide, where the file itself says it."""

from __future__ import annotations

import mmap
import re
from contextlib import suppress
from pathlib import Path

from ssmamba.wording import words

SYNTAXES = {
    "1.2.840.10008.1.2.2": "big-endian", "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.51": "12-bit JPEG", "1.2.840.10008.1.2.4.57": "lossless JPEG",
    "1.2.840.10008.1.2.4.70": "lossless JPEG", "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS", "1.2.840.10008.1.2.4.110": "JPEG XL",
    "1.2.840.10008.1.2.4.111": "JPEG XL", "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.4.201": "HTJ2K", "1.2.840.10008.1.2.4.202": "HTJ2K",
    "1.2.840.10008.1.2.4.203": "HTJ2K", "1.2.840.10008.1.2.1.99": "Deflate",
}  # fmt: skip
READABLE = {
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
}  # fmt: skip
HEAD_BYTES = 8192
SEARCHED_BYTES = 32 * 2**20  # of a file's beginning; profile and places of frames come first
IMAGE_TYPE = b"\x08\x00\x08\x00CS"  # (0008,0008), explicit, little-endian
TRANSFER_SYNTAX = b"\x02\x00\x10\x00UI"  # (0002,0010)
SERIES = b"\x20\x00\x0e\x00UI"  # (0020,000E)
PIXEL_SPACING = b"\x28\x00\x30\x00DS"  # (0028,0030)
COLUMNS, ROWS = b"\x48\x00\x06\x00UL", b"\x48\x00\x07\x00UL"  # of the whole picture


def explain_dicom(path: Path, error: str) -> str | None:
    """What stands after "cannot be opened as a slide"; None for damage and for other formats.

    error: OpenSlide's own words.
    """
    head = _head(path)
    if head is None:
        return None
    named = re.search(r"transfer syntax ([\d.]+)", error)
    syntax = named[1] if named else _text(head, TRANSFER_SYNTAX)
    if syntax and syntax not in READABLE:
        name = SYNTAXES.get(syntax, words("of transfer syntax {syntax}", syntax=syntax))
        return words(
            "because its pixels are {name}, which OpenSlide does not read; convert it to JPEG "
            "or JPEG 2000 (for example with wsidicomizer or dcm4che)",
            name=name,
        )
    kinds = {_kind(other) for other in path.parent.iterdir() if other.is_file()} - {""}
    if kinds and "VOLUME" not in kinds:
        other = " and ".join(sorted(kind.lower() for kind in kinds))
        return words(
            "because its folder holds only {other} images of it; copy the files of the slide "
            "itself (VOLUME) into the same folder",
            other=other,
        )
    if "unsupported" in error.lower():
        return words(
            "because OpenSlide does not read its pixels ({error}); convert it to JPEG (for "
            "example with wsidicomizer or dcm4che)",
            error=error,
        )
    return None


def pixel_spacings(path: Path) -> dict[tuple[int, int], float]:
    """mm a pixel across by (width, height) of each image in the folder of a slide's file.

    Only those of the slide itself (VOLUME), and where the file says so.
    """
    found: dict[tuple[int, int], float] = {}
    for other in series_files(path, path.parent):
        if _kind(other) != "VOLUME":
            continue
        with other.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            columns, rows = (_number(data, element) for element in (COLUMNS, ROWS))
            down, _, across = (_text(data, PIXEL_SPACING) or "").partition("\\")
        with suppress(ValueError):
            found[columns, rows] = float(across or down)
    return found


def series_files(path: Path, folder: Path) -> list[Path]:
    """The files in a folder that make a slide with that of ``path``; none if that is no DICOM."""
    head = _head(path)
    series = None if head is None else _text(head, SERIES)
    if series is None:
        return []
    heads = ((p, _head(p)) for p in folder.iterdir() if p.is_file())
    return [p for p, other in heads if other is not None and _text(other, SERIES) == series]


def _kind(path: Path) -> str:
    """VOLUME, LABEL, OVERVIEW or THUMBNAIL; "" for what is no DICOM image."""
    parts = (_text(_head(path) or b"", IMAGE_TYPE) or "").split("\\")
    return parts[2] if len(parts) > 2 else ""


def _head(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    return head if head[128:132] == b"DICM" else None


def _text(data: bytes | mmap.mmap, element: bytes) -> str | None:
    """The value of a short text element."""
    place = data.find(element, 0, SEARCHED_BYTES)
    if place < 0:
        return None
    start = place + len(element) + 2
    length = int.from_bytes(data[start - 2 : start], "little")
    return data[start : start + length].decode("ascii", "replace").strip("\0 ")


def _number(data: mmap.mmap, element: bytes) -> int:
    place = data.find(element, 0, SEARCHED_BYTES) + len(element) + 2
    return int.from_bytes(data[place : place + 4], "little")
