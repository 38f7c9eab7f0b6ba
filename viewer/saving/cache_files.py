"""The files that can be made again, such as the demo slide."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path


def size_bytes(folder: Path) -> int:
    """Size of all files of a folder and its folders; 0 where there is none."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size if path.is_file() else 0
    return total


def remove_all(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove the files of a folder, but not those of ``keep``, nor what the system refuses."""
    kept = {Path(path).resolve() for path in keep}
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        if path.resolve() in kept:
            continue
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
