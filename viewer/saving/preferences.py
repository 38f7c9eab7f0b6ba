"""Preferences as a file in the user's folder."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from pathlib import Path
from typing import get_type_hints

from ssmamba.files import read_json, write_json
from viewer.saving.packing import from_json, to_json
from viewer.state.preferences import Preferences

NAME = "preferences.json"


class PreferenceStore:
    """The preferences of one user; the window that changes them last counts."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME
        self._writing = threading.Lock()
        self.now = _read(self._file)

    def save(self) -> None:
        """Write those of now, whole or not at all; from any thread. Raises OSError."""
        with self._writing:  # of two threads, the last to write knows the newest
            write_json(self._file, to_json(self.now))


def _read(file: Path) -> Preferences:
    """The kept preferences; each that is missing or cannot be has its default."""
    kept = read_json(file)
    found = Preferences()
    for name, kind in get_type_hints(Preferences).items():
        if isinstance(kept, dict) and name in kept:
            with contextlib.suppress(ValueError):
                found = replace(found, **{name: from_json(kind, kept[name])})
    return found
