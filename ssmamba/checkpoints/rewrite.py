"""A new card in an existing checkpoint file; its tensors stay as they are, byte by byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ssmamba.checkpoints.card import METADATA_KEY, Card, read_header
from ssmamba.errors import CheckpointError
from ssmamba.files import written_whole

ALIGNED = 8  # bytes; where tensors begin, as safetensors writes files


def write_card(path: Path | str, card: Card) -> None:
    """Replace the card of a checkpoint; the file changes whole or not at all.

    Other metadata are kept. Raises CheckpointError for a file that is no checkpoint, or that the
    disk does not take.
    """
    path = Path(path)
    header = read_header(path)
    header["__metadata__"] = {**header.get("__metadata__", {}), METADATA_KEY: card.to_json()}
    data = json.dumps(header, separators=(",", ":")).encode()
    data += b" " * (-len(data) % ALIGNED)
    try:
        with path.open("rb") as old, written_whole(path) as partial:
            with partial.open("wb") as new:
                new.write(len(data).to_bytes(8, "little") + data)
                old.seek(8 + int.from_bytes(old.read(8), "little"))
                shutil.copyfileobj(old, new)
            partial.chmod(path.stat().st_mode)
    except OSError as error:
        raise CheckpointError(
            "{path} could not be written ({strerror}); check that the file may be changed "
            "and that there is space on the disk.",
            path=path,
            strerror=error.strerror,
        ) from error
