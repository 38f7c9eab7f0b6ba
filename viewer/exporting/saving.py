"""Writes an exported file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.files import written_whole
from viewer.text.tr import tr


def save_bytes(path: Path | str, data: bytes) -> None:
    """Write a file; one of the same name stays as it was until the new one is complete.

    Raises DataError, a sentence for the user, for a full disk, a folder that is read-only or gone.
    """
    path = Path(path)
    try:
        with written_whole(path) as partial, partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        text = tr("Could not write {path} ({reason}); free some space or choose another folder.")
        raise DataError(text.format(path=path, reason=error.strerror or error)) from error
