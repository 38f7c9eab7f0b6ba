"""Whether a file is still the one that was opened."""

from __future__ import annotations

import os
from pathlib import Path

FileState = tuple[int, int, int]  # size in bytes, time of change in ns, inode


def file_state(path: Path | str) -> FileState | None:
    """What tells a file from one that takes its place; None when there is none to be seen."""
    try:
        found = os.stat(path)  # noqa: PTH116  (asked at each read; Path would take longer than it)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
