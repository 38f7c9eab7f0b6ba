"""The slides that were open last."""

from __future__ import annotations

import json
from pathlib import Path

KEPT = 12


class Recents:
    """Paths, newest first, in one small JSON file; a damaged file counts as empty."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def paths(self) -> list[str]:
        """Those that still exist."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [p for p in kept if isinstance(p, str) and Path(p).exists()][:KEPT]

    def note(self, path: str) -> None:
        """Put a path first. A full disk is no reason to complain here."""
        absolute = str(Path(path).resolve())
        kept = [absolute, *(p for p in self.paths() if p != absolute)][:KEPT]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(kept), encoding="utf-8")
        except OSError:
            return
