"""The answers of one model to a whole slide, kept while it is read: one file for each of both.

The file is text, one record a line (``viewer.saving.records``), and only grows: ``ssmamba:head``
says what it is, ``head`` what was read and by which model (a later one, with which tissue since),
each ``windows`` holds answers as packed arrays, and the last ``state`` says whether reading goes on
by itself. A line that is torn or
damaged costs its own windows, which are read again.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ssmamba.files import written_whole
from ssmamba.locks import FileLock
from ssmamba.reading.values import PackedArray
from viewer.saving.packing import from_json, to_json
from viewer.saving.records import json_of, line_of, read_lines
from viewer.state.slide_scan import ScanHead, ScanMap

ENDING = ".scan"
HEAD = "ssmamba:head"
FORMAT, VERSION = "ssmamba-scan", 1
State = Literal["reading", "paused", "done", "closed"]


@dataclass(frozen=True)
class Windows:
    """Answers to some windows."""

    cells: PackedArray  # (N, 2) int32 of row and column
    strides: PackedArray  # (N,) uint8
    probabilities: PackedArray  # (N, K) float16
    doubts: PackedArray  # (N,) uint8

    @classmethod
    def joined(cls, parts: list[Windows]) -> Windows:
        names = ("cells", "strides", "probabilities", "doubts")
        arrays = ([getattr(part, name).array for part in parts] for name in names)
        return cls(*(PackedArray.of(np.concatenate(some)) for some in arrays))


@dataclass(frozen=True)
class KeptScan:
    """A scan as it was found on the disk."""

    path: Path
    map: ScanMap
    state: State


class ScanStore:
    """The scans of one user's slides.

    Args:
        folder: of the sessions.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, slide: str, sha256: str) -> Path:
        """slide: name of its session; sha256: of the model's file."""
        return self._folder / f"{slide}.{sha256[:16]}{ENDING}"

    def newest(self, slide: str) -> KeptScan | None:
        """The scan of a slide that was looked at last, unless it was put away.

        Files that are no scans, or of a later version, are left alone.
        """
        paths = list(self._folder.glob(f"{slide}.{'[0-9a-f]' * 16}{ENDING}"))
        dated = []
        for path in paths:
            with contextlib.suppress(OSError):
                dated.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(dated, reverse=True)[:1]:
            found = read_scan(path)
            if found is not None and found.state != "closed":
                return found
        return None


def read_scan(path: Path) -> KeptScan | None:
    """A scan from its file; None where there is none that can be read. Raises OSError."""
    try:
        records = read_lines(path.read_bytes()).values
    except FileNotFoundError:
        return None
    state: State = "paused"
    found: ScanMap | None = None
    if not records or records[0][0] != HEAD or not _is_ours(records[0][1]):
        return None
    for key, data in records[1:]:
        try:
            value = json.loads(data)
            if key == "head":
                found = _under(from_json(ScanHead, value), found)
            elif key == "state":
                state = from_json(State, value)  # type: ignore[arg-type]
            elif key == "windows" and found is not None:
                part = from_json(Windows, value)
                found.put(part.cells.array, part.strides.array, part.probabilities.array,
                          part.doubts.array)  # fmt: skip
        except (ValueError, TypeError, IndexError, RecursionError):
            continue  # it costs its own windows
    return None if found is None else KeptScan(path, found, state)


def _under(head: ScanHead, found: ScanMap | None) -> ScanMap:
    if found is None or not found.head.is_on_grid_of(head):
        return ScanMap(head)
    return found.under(head)


def _is_ours(data: bytes) -> bool:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return value == {"format": FORMAT, "version": VERSION}


class ScanWriter:
    """Adds to one file, from one thread. Another window that writes there keeps this one out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        self._end = 0  # bytes of whole lines

    def begin(self, head: ScanHead, fresh: bool) -> bool:
        """Make the file, or take it as it is; False where another window has it. Raises OSError.

        fresh: begin anew, whatever is there.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._lock.held and not self._lock.take():
            return False
        if fresh or not self._path.exists():
            first = line_of(HEAD, json_of({"format": FORMAT, "version": VERSION}))
            with written_whole(self._path) as partial, partial.open("xb") as file:
                file.write(first + line_of("head", json_of(to_json(head))))
                file.flush()
                os.fsync(file.fileno())
        self._end = self._path.read_bytes().rfind(b"\n") + 1  # a crash may have torn the next line
        return True

    def add(self, windows: list[Windows], state: State, head: ScanHead | None = None) -> None:
        """Put answers and the state on the disk, whole or not at all. Raises OSError.

        head: what is read from now on, if that has changed.
        """
        if not self._lock.held:
            return
        lines = b"" if head is None else line_of("head", json_of(to_json(head)))
        if windows:
            lines += line_of("windows", json_of(to_json(Windows.joined(windows))))
        lines += line_of("state", json_of(state))
        with self._path.open("r+b", buffering=0) as file:
            try:
                file.truncate(self._end)
                file.seek(self._end)
                rest = memoryview(lines)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(self._end)
                raise
        self._end += len(lines)

    def end(self) -> None:
        self._lock.free()
