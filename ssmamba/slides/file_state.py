"""Whether a slide's files are still those that were opened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ssmamba.slides.dicom import series_files

Finder = Callable[[Path, Path], list[Path]]  # a slide's file and a folder -> files of the slide
FileState = tuple[int, int, int]  # size in bytes, time of change in ns, inode
LISTED = re.compile(rb"=[ \t]*([^\r\n]+\.(?:jpg|ngr|opt))[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
SPREAD = (".mrxs", ".vms", ".vmu", ".dcm", ".dicom", "")  # endings of what may be several files
MAX_LIST_BYTES = 2**20  # of Hamamatsu's list of files


def file_state(path: Path | str) -> FileState | None:
    """What tells a slide from one that takes its place; None when there is none to be seen.

    Where pixels are in files of their own (MIRAX, DICOM, Hamamatsu VMS), those are looked at too:
    one file more costs a microsecond or two on a local disk.
    """
    try:
        found = os.stat(path)  # noqa: PTH116  (asked at each read; Path would take longer than it)
    except OSError:
        return None
    own = found.st_size, found.st_mtime_ns, found.st_ino
    others = _pixel_files(Path(path)) if ending_of(path) in SPREAD else ()
    return joined([own, *map(_state, others)]) if others else own


def ending_of(path: Path | str) -> str:
    """Of a file's name, in small letters."""
    return os.path.splitext(path)[1].lower()  # noqa: PTH122


def joined(states: list[FileState]) -> FileState:
    """A change of any of them changes it; the same in every process."""
    sizes, times, inodes = zip(*states, strict=True)
    return sum(sizes), sum(times), hash(inodes)


def _state(path: Path) -> FileState:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_size, found.st_mtime_ns, found.st_ino


def _pixel_files(path: Path) -> tuple[Path, ...]:
    """The other files that a slide's pixels are in."""
    ending = ending_of(path)
    if ending == ".mrxs":
        find: Finder = _all_files
        folder = path.with_suffix("")
    elif ending in (".vms", ".vmu"):
        folder, find = path.parent, _listed_files
    else:
        folder, find = path.parent, series_files
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return ()
    return _found(find, path, folder, changed)


@lru_cache(maxsize=64)
def _found(find: Finder, path: Path, folder: Path, changed: int) -> tuple[Path, ...]:
    """Looked for again when the folder has changed."""
    with suppress(OSError):
        return tuple(sorted(p for p in find(path, folder) if p != path))
    return ()


def _all_files(_: Path, folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_file()]


def _listed_files(path: Path, folder: Path) -> list[Path]:
    with path.open("rb") as file:
        names = LISTED.findall(file.read(MAX_LIST_BYTES))
    return [folder / name.decode("utf-8", "replace").strip() for name in names]
