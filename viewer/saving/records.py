"""Records with a checksum, one a line: what journals, snapshots and session files consist of.

A line is ``CRC KEY VALUE``: the CRC-32 of the rest as 8 hex digits, a key in URL quoting, and a
JSON value in ASCII; ``null`` says that the key is gone. The later of two records of one key
counts. No line depends on another, so that a damaged one costs itself alone. Only in a journal, the
key BATCH says how many of the lines that follow are one change: a crash costs all of them or none.
A byte order mark and the line ends of Windows, which programs that copy files as text put in, are
no damage.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

GONE = b"null"
BATCH = "ssmamba:batch"  # value: the number of lines
_SAFE = "/-_.:{}"  # in a key, unquoted
_TORN = re.compile(rb"[0-9a-f]{0,8}|[0-9a-f]{8} [ -~]*")  # the beginning of a line


@dataclass
class Records:
    """The readable records of a file, in order."""

    values: list[tuple[str, bytes]] = field(default_factory=list)  # key, JSON
    damaged: int = 0  # lines that cannot be read, other than a torn one at the end
    end: int = 0  # bytes up to the end of the last whole line


def line_of(key: str, value: bytes) -> bytes:
    """The line of a record; value: JSON in ASCII."""
    body = quote(key, safe=_SAFE).encode() + b" " + value
    return b"%08x %s\n" % (zlib.crc32(body), body)


def json_of(value: Any) -> bytes:
    """JSON in ASCII: a lone surrogate, which UTF-8 cannot hold, survives it."""
    return json.dumps(value, separators=(",", ":")).encode()


def read_lines(data: bytes) -> Records:
    """The records of a file's bytes. A last line that a crash has torn does not count."""
    found = Records(end=data.rfind(b"\n") + 1)
    for _, line in _lines(data, found.end):
        record = _record(line)
        if record is None:
            found.damaged += 1
        else:
            found.values.append(record)
    if not _TORN.fullmatch(data, found.end):
        found.damaged += 1
    return found


def read_journal(data: bytes) -> Records:
    """The same of a journal, without the marks of batches, and a last one that a crash has torn."""
    found = read_lines(data)
    marks = [number for number, (key, _) in enumerate(found.values) if key == BATCH]
    if not marks:
        return found
    missing, start = 0, found.end
    for at, line in _lines(data, found.end):
        record = _record(line) if line[9:].startswith(BATCH.encode()) else None
        if record is None:
            missing -= 1
        else:
            missing, start = _count(record[1]), at
    if missing > 0:
        del found.values[marks[-1] :]
        found.end = start
    found.values = [(key, value) for key, value in found.values if key != BATCH]
    return found


def _lines(data: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """Where each whole line begins, and the line."""
    at = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    while at < end:
        stop = data.index(b"\n", at)
        yield at, data[at:stop].removesuffix(b"\r")
        at = stop + 1


def _count(value: bytes) -> int:
    return int(value) if value.isdigit() else 0


def _record(line: bytes) -> tuple[str, bytes] | None:
    sum_, _, body = line.partition(b" ")
    try:
        if len(sum_) != 8 or int(sum_, 16) != zlib.crc32(body):
            return None
    except ValueError:
        return None
    key, _, value = body.partition(b" ")
    return unquote(key.decode("ascii", "replace")), value
