"""A request of ``ssmamba.extract``, and the part of it that may not change within a folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ssmamba.checkpoints.card import InputSpec
from ssmamba.errors import DataError
from ssmamba.files import read_json, write_first_json
from ssmamba.reading.slide_plan import DEFAULT_GRID, GridOptions

SETTINGS_FILE = "extract.json"
SETTINGS_VERSION = 1
FORMATS = {"hdf5": ".h5", "spatialdata": ".zarr"}  # name -> ending of a slide's file or folder


@dataclass(frozen=True)
class ExtractRequest:
    """The command line's request."""

    inputs: tuple[str, ...]  # slides, folders of slides, or CSV files
    encoder: str  # a checkpoint, or timm:NAME
    out: Path
    options: GridOptions = DEFAULT_GRID
    target_mpp: float | None = None  # µm per network pixel, for encoders that do not know theirs
    patch_px: int | None = None  # side of a tile as the network sees it; None = the encoder's own
    half: bool = False  # features as float16
    format: str = "hdf5"  # one of FORMATS
    device: str = "auto"
    batch: int | None = None  # tiles at once
    preflight: bool = False  # say what would be read, and stop
    tissue: Path | None = None  # corrections of the tissue (``headless.tissue_files``)


def folder_of(out: Path, name: str, spec: InputSpec, overlap: float) -> Path:
    """Where an encoder's features go: ``20x_256px_0px_overlap/features_NAME``, as TRIDENT's."""
    mpp = spec.known_mpp
    scale = "unknown" if mpp is None else f"{magnification(mpp):g}x"
    shared = round(overlap * spec.window_px)
    return out / f"{scale}_{spec.window_px}px_{shared}px_overlap" / f"features_{name}"


def magnification(mpp: float) -> float:
    """The objective of a µm/px, as the field counts it: 10 µm/px are 1×."""
    return float(f"{10 / mpp:.4g}")


def keep_settings(folder: Path, request: ExtractRequest, spec: InputSpec, sha256: str) -> None:
    """Write the settings of a new folder. Raises DataError for one with results of other ones."""
    settings: dict[str, Any] = {
        "version": SETTINGS_VERSION,
        "encoder_sha256": sha256,
        **asdict(request.options),
        "mpp_of_tiles": spec.known_mpp,
        "window_px": spec.window_px,
        "dtype": dtype_of(request),
    }
    if request.format != "hdf5":  # which earlier versions do not name
        settings["format"] = request.format
    before = read_json(folder / SETTINGS_FILE)
    if not isinstance(before, dict):
        write_first_json(folder / SETTINGS_FILE, settings)
        return
    changed = sorted(k for k in before | settings if before.get(k) != settings.get(k))
    if changed:
        listed = ", ".join(f"{k} was {before.get(k)}" for k in changed)
        raise DataError(
            f"{folder} holds features of other settings ({listed}); give the same ones to "
            "continue, or choose another --out."
        )


def dtype_of(request: ExtractRequest) -> Literal["float16", "float32"]:
    return "float16" if request.half else "float32"
