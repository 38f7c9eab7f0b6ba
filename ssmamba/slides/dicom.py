"""Why OpenSlide does not open a DICOM slide, where the file itself says it."""

from __future__ import annotations

import re
from pathlib import Path

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
IMAGE_TYPE = b"\x08\x00\x08\x00CS"  # (0008,0008), explicit, little-endian
TRANSFER_SYNTAX = b"\x02\x00\x10\x00UI"  # (0002,0010)


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
        name = SYNTAXES.get(syntax, f"of transfer syntax {syntax}")
        return (
            f"because its pixels are {name}, which OpenSlide does not read; convert it to JPEG "
            "or JPEG 2000 (for example with wsidicomizer or dcm4che)"
        )
    kinds = {_kind(other) for other in path.parent.iterdir() if other.is_file()} - {""}
    if kinds and "VOLUME" not in kinds:
        words = " and ".join(sorted(kind.lower() for kind in kinds))
        return (
            f"because its folder holds only {words} images of it; copy the files of the slide "
            "itself (VOLUME) into the same folder"
        )
    return None


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


def _text(head: bytes, element: bytes) -> str | None:
    """The value of a short text element."""
    place = head.find(element)
    if place < 0:
        return None
    start = place + len(element) + 2
    length = int.from_bytes(head[start - 2 : start], "little")
    return head[start : start + length].decode("ascii", "replace").strip("\0 ")
