"""Atomic writing: files appear complete or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LONGEST_NAME = 150  # bytes of a file name made of foreign text; most file systems allow 255


def short_name(text: str) -> str:
    """Text for a file name, cut to LONGEST_NAME bytes of UTF-8.

    What is cut ends with a hash of the whole, so that long texts that differ stay different.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= LONGEST_NAME:
        return text
    ending = f"-{hashlib.sha256(data).hexdigest()[:8]}"
    return data[: LONGEST_NAME - len(ending)].decode("utf-8", "ignore") + ending


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which is renamed to ``path`` when the block ends.

    If the block fails, the file at ``path`` is left as it was and the partial file is removed.
    OSError is passed on to the caller, who knows what to tell the user.
    """
    partial = path.with_name(f".{short_name(path.name)}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Contents of a JSON file; None when there is none, or none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
