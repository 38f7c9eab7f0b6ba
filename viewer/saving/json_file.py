"""Small JSON files of the viewer's own, each replaced as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from ssmamba.files import written_whole


def read_json(path: Path) -> object:
    """What a file holds; None when there is no file, or none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, value: object) -> None:
    """Write a file; an older one stays whole until then. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        partial.write_text(json.dumps(value), encoding="utf-8")
