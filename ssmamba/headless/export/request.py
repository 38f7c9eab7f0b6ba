"""A request of ``ssmamba.export``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FORMATS = ("wsinfer", "torch-export")


@dataclass(frozen=True)
class ExportRequest:
    """The command line's request."""

    model: str  # a checkpoint with classes
    out: Path
    formats: tuple[str, ...] = ("wsinfer",)
    target_mpp: float | None = None  # µm per network pixel, where the model does not know it
