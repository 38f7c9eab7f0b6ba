"""Writes a tiled, pyramidal TIFF from tiles that are already JPEG files (TIFF TechNote 2).

tifffile needs imagecodecs for this, 30 MB that nothing else here uses.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2
FORMATS = {SHORT: "H", LONG: "I"}
JPEG, YCBCR, CENTIMETRE = 7, 6, 3


@dataclass(frozen=True)
class Field:
    """One entry of an image file directory."""

    tag: int
    kind: int
    count: int
    data: bytes


class TiffWriter:
    """One directory per level, the finest first. Little-endian, below 4 GB."""

    def __init__(self, path: Path, description: str) -> None:
        self._file: BinaryIO = path.open("wb")
        self._description = description
        self._link = 4  # where the offset of the next directory belongs
        self._first = True
        self._file.write(b"II*\0\0\0\0\0")

    def write_level(
        self, width: int, height: int, tile: int, px_per_cm: float | None, tiles: Iterable[bytes]
    ) -> None:
        """tiles: JPEG files (YCbCr 4:2:0) of ``tile`` × ``tile`` pixels, row by row; px_per_cm:
        None where no scale is known."""
        offsets, lengths = [], []
        for data in tiles:
            offsets.append(self._append(data))
            lengths.append(len(data))
        fields = [
            _numbers(254, LONG, 0 if self._first else 1),
            _numbers(256, LONG, width),
            _numbers(257, LONG, height),
            _numbers(258, SHORT, 8, 8, 8),
            _numbers(259, SHORT, JPEG),
            _numbers(262, SHORT, YCBCR),
            _numbers(277, SHORT, 3),
            _numbers(284, SHORT, 1),
            _numbers(322, LONG, tile),
            _numbers(323, LONG, tile),
            _numbers(324, LONG, *offsets),
            _numbers(325, LONG, *lengths),
            _numbers(530, SHORT, 2, 2),
        ]
        if px_per_cm is not None:
            resolution = struct.pack("<II", round(px_per_cm * 100), 100)
            fields += [Field(tag, RATIONAL, 1, resolution) for tag in (282, 283)]
            fields.append(_numbers(296, SHORT, CENTIMETRE))
        if self._first:
            text = self._description.encode("ascii") + b"\0"
            fields.append(Field(270, ASCII, len(text), text))
        self._write_directory(sorted(fields, key=lambda field: field.tag))
        self._first = False

    def _write_directory(self, fields: list[Field]) -> None:
        entries = b""
        for field in fields:
            if len(field.data) <= 4:
                value = field.data.ljust(4, b"\0")
            else:
                value = struct.pack("<I", self._append(field.data))
            entries += struct.pack("<HHI", field.tag, field.kind, field.count) + value
        start = self._append(struct.pack("<H", len(fields)) + entries + b"\0\0\0\0")
        self._file.seek(self._link)
        self._file.write(struct.pack("<I", start))
        self._link = start + 2 + len(entries)

    def _append(self, data: bytes) -> int:
        """Append at an even offset, which is returned."""
        end = self._file.seek(0, 2)
        if end % 2:
            self._file.write(b"\0")
            end += 1
        self._file.write(data)
        return end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self._file.close()


def _numbers(tag: int, kind: int, *values: int) -> Field:
    data = struct.pack(f"<{len(values)}{FORMATS[kind]}", *values)
    return Field(tag, kind, len(values), data)
