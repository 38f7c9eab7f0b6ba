"""The slides that were open last."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ssmamba.files import read_json, write_json

SHOWN = 12
KEPT = 40  # more than are shown: a drive that is not there now may be there tomorrow


class Recents:
    """Paths, newest first, in one small JSON file; a damaged file counts as empty."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stopped = False

    def paths(self) -> list[str]:
        """Those that exist; one that may not be looked at does not. A dead drive takes its time."""
        found: list[str] = []
        for path in self._kept():
            if self._stopped or len(found) == SHOWN:
                break
            if _is_there(path):
                found.append(path)
        return found

    def note(self, path: str) -> None:
        """Put a path first. A full disk is no reason to complain here."""
        absolute = str(Path(path).resolve())
        kept = [absolute, *(p for p in self._kept() if p != absolute)][:KEPT]
        with contextlib.suppress(OSError):
            write_json(self._file, kept)

    def stop(self) -> None:
        """Let a look-up end with the path that it is at."""
        self._stopped = True

    def _kept(self) -> list[str]:
        kept = read_json(self._file)
        return [p for p in kept if isinstance(p, str)] if isinstance(kept, list) else []


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no permission, no network
        return False
