"""Recently opened slides."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ssmamba.files import read_json, write_json

SHOWN = 12
KEPT = 40  # more than are shown: a drive that is missing now may be back tomorrow


class Recents:
    """Paths, newest first, in one small JSON file; a damaged file counts as empty."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stopped = False

    def paths(self) -> list[str]:
        """Paths that exist and are accessible. A dead network drive makes this slow."""
        found: list[str] = []
        for path in self._kept():
            if self._stopped or len(found) == SHOWN:
                break
            if is_there(path):
                found.append(path)
        return found

    def note(self, path: str) -> None:
        """Put a path first. Write errors are ignored."""
        absolute = str(Path(path).resolve())
        kept = [absolute, *(p for p in self._kept() if p != absolute)][:KEPT]
        with contextlib.suppress(OSError):
            write_json(self._file, kept)

    def stop(self) -> None:
        """End a running ``paths`` after the path that it is checking."""
        self._stopped = True

    def _kept(self) -> list[str]:
        kept = read_json(self._file)
        return [p for p in kept if isinstance(p, str)] if isinstance(kept, list) else []


def is_there(path: str) -> bool:
    """Whether a path exists and is accessible."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no permission, no network
        return False
