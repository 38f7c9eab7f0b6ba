"""A request of ``ssmamba.scan``, and the part of it that may not change within a folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssmamba.errors import DataError
from ssmamba.files import read_json, write_first_json
from ssmamba.reading.slide_plan import DEFAULT_GRID, GridOptions

FORMATS = ("geojson", "csv", "tiff")
SETTINGS_FILE = "scan.json"
SETTINGS_VERSION = 1
BATCH = {"cpu": 16, "cuda": 128}  # windows at once


@dataclass(frozen=True)
class ScanRequest:
    """The command line's request."""

    inputs: tuple[str, ...]  # slides, folders of slides, or CSV files
    model: str
    out: Path
    options: GridOptions = DEFAULT_GRID
    formats: tuple[str, ...] = FORMATS
    device: str = "auto"
    batch: int | None = None  # windows at once; None = BATCH
    preflight: bool = False  # say what would be read, and stop
    tissue: Path | None = None  # corrections of the tissue (``headless.tissue_files``)


def settings_of(request: ScanRequest, sha256: str, batch: int) -> dict[str, Any]:
    """What the results of a folder depend on, besides the slides."""
    return {
        "version": SETTINGS_VERSION,
        "model_sha256": sha256,
        **asdict(request.options),
        "formats": sorted(request.formats),
        "batch": batch,
    }


def keep_settings(out: Path, settings: dict[str, Any]) -> None:
    """Write the settings of a new folder. Raises DataError for one with results of other ones."""
    before = read_json(out / SETTINGS_FILE)
    if isinstance(before, dict):
        changed = sorted(k for k in before | settings if before.get(k) != settings.get(k))
        if changed:
            listed = ", ".join(f"{k} was {before.get(k)}" for k in changed)
            raise DataError(
                f"{out} holds a scan with other settings ({listed}); give the same ones to "
                "continue it, or choose another --out."
            )
        return
    write_first_json(out / SETTINGS_FILE, settings)
