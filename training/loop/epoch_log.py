"""log.jsonl: a line for each epoch of a run, and none twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ssmamba.files import write_text

LOG_FILE = "log.jsonl"


def append_epoch(path: Path, record: dict[str, Any]) -> None:
    """Add an epoch's record, which has its ``peak_lr`` and its ``epoch``."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def forget_epochs_after(path: Path, peak_lr: float, epoch: int) -> None:
    """Drop the epochs that will be trained again, and lines cut short.

    A run killed between an epoch's line and its state has trained more than it can resume from.
    The log may hold the epochs of other learning rates, which stay.
    """
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    write_text(path, "".join(line for line in lines if _stays(line, peak_lr, epoch)))


def _stays(line: str, peak_lr: float, epoch: int) -> bool:
    try:
        record = json.loads(line)
        other = record.get("peak_lr", peak_lr) != peak_lr
        return line.endswith("\n") and (other or int(record["epoch"]) <= epoch)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
