"""HDF5 files of tiles and features: TRIDENT's layout, written and read, and its relatives, read.

| program | places | side of a tile | features |
|---|---|---|---|
| TRIDENT | ``coords`` (N, 2) | attribute ``patch_size_level0`` | ``features`` (N, D) |
| CLAM | ``coords`` (N, 2) | ``patch_size`` at ``patch_level``, with ``downsample`` | ``features`` |
| atlas-patch | ``coords`` (N, 5), x and y first | ``patch_size_level0`` | ``features/NAME`` |
| WSInfer | ``coords`` (N, 2) | ``patch_size``, beside ``patch_spacing_um_px`` | none |
| others | ``coords`` | not said | ``features`` or ``feats`` |

Attributes are those of ``coords`` or of the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssmamba.errors import DataError
from ssmamba.features.values import TileFile, damaged, tile_file
from ssmamba.files import unwritten, written_whole

FEATURES = ("features", "feats")
UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError)  # of h5py
UM_AT_1X = 10.0  # µm/px of a magnification of 1, as the field counts it
MOST_TILES = 20_000_000  # of one slide


@dataclass(frozen=True)
class TileAttributes:
    """What TRIDENT's attributes say of the tiles, under its names."""

    patch_size: int  # pixels read for a tile
    patch_size_level0: int  # side of a tile, level-0 pixels
    level0_magnification: float
    target_magnification: float
    overlap: int  # of neighbours, pixels as read
    name: str  # of the slide
    savetodir: str = ""


def write_features(
    path: Path,
    places: np.ndarray,
    features: np.ndarray,
    tiles: TileAttributes,
    encoder: Mapping[str, Any],
) -> None:
    """Write a slide's features in TRIDENT's layout, whole or not at all.

    places: (N, 2) whole level-0 pixels. features: (N, D) float32 or float16. encoder: attributes
    of the features, by which a result can be traced. Raises DataError for a disk that does not
    take it.
    """
    if len(places) != len(features):
        raise ValueError(f"{len(places)} places and {len(features)} features")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, h5py.File(partial, "w") as file:
            coords = file.create_dataset("coords", data=np.asarray(places, np.int64))
            coords.attrs.update(asdict(tiles))
            chunks = (min(len(features), 512) or 1, features.shape[1]) if features.size else None
            data = file.create_dataset("features", data=features, chunks=chunks)
            data.attrs.update({"name": tiles.name, **encoder})
    except OSError as error:
        raise unwritten(path, error) from error


def read_hdf5(path: Path) -> TileFile:
    """The tiles of an HDF5 file of any of the layouts. Raises DataError."""
    try:
        with h5py.File(path, "r") as file:
            coords = _dataset(file, "coords")
            if coords is None:
                raise damaged(path, f"it has no coords, only {', '.join(file) or 'nothing'}")
            if coords.ndim != 2 or coords.shape[0] > MOST_TILES:
                raise damaged(path, f"its places have the shape {coords.shape}")
            places = coords[:]
            said = {**file.attrs, **coords.attrs}
            names = _names(file)
            encoded = dict(file[names[0]].attrs) if names else {}
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    layout = _layout(places, said)
    side = _side(path, layout, said)
    if layout == "STAMP":
        places, side = _from_um(path, places, said)

    def load(name: str) -> np.ndarray:
        try:
            with h5py.File(path, "r") as file:
                values = file[name][:]
        except UNREADABLE as error:
            raise _unreadable(path, error) from error
        if values.ndim == 3 and values.shape[0] == 1:
            values = values[0]
        return values if values.dtype == np.float16 else values.astype(np.float32)

    short = {name.removeprefix("features/"): name for name in names}
    return tile_file(
        path,
        layout,
        places[:, :2],
        side,
        lambda name: load(short[name]),
        tuple(short),
        mpp=_mpp(said, encoded),
        slide=_text(said.get("name")),
    )


def _mpp(said: Mapping[str, Any], encoded: Mapping[str, Any]) -> float | None:
    """µm/px at which the tiles were read: as it stands there, or by TRIDENT's magnification."""
    for attributes, name in (
        (said, "patch_spacing_um_px"),
        (encoded, "target_mpp"),
        (said, "target_mpp"),
    ):
        if (found := _number(attributes, name)) is not None and found > 0:
            return found
    magnification = _number(said, "target_magnification")
    return UM_AT_1X / magnification if magnification else None


def _layout(places: np.ndarray, said: Mapping[str, Any]) -> str:
    if places.shape[1] == 5:
        return "atlas-patch"
    if "patch_size_level0" in said:
        return "TRIDENT"
    if "patch_spacing_um_px" in said:
        return "WSInfer"
    if "patch_level" in said:
        return "CLAM"
    return "STAMP" if _text(said.get("unit")) == "um" else "HDF5"


def _side(path: Path, layout: str, said: Mapping[str, Any]) -> float | None:
    """Level-0 pixels, as the file has them: tiles of one nominal size differ between programs."""
    if layout in ("TRIDENT", "atlas-patch"):
        return _number(said, "patch_size_level0")
    if layout == "WSInfer":
        return _number(said, "patch_size")
    size = _number(said, "patch_size")
    if layout != "CLAM" or size is None:
        return None
    level, factor = _number(said, "patch_level"), _number(said, "downsample")
    if factor is None and level == 0:
        factor = 1.0
    return None if factor is None else float(round(size * factor))


def _from_um(
    path: Path, places: np.ndarray, said: Mapping[str, Any]
) -> tuple[np.ndarray, float | None]:
    """STAMP's places and side in level-0 pixels; the file itself knows them in µm alone."""
    mpp = _number(said, "slide_mpp")
    if mpp is None:
        raise DataError(
            "{path} has its places in µm and not the slide's µm/px; extract it again, or use "
            "another program's file.",
            path=path,
        )
    um = _number(said, "tile_size_um")
    return places / mpp, None if um is None else um / mpp


def _names(file: h5py.File) -> tuple[str, ...]:
    """Datasets of features."""
    for name in FEATURES:
        found = file.get(name, getlink=True)
        if isinstance(found, h5py.HardLink) and isinstance(file[name], h5py.Group):
            inner = [f"{name}/{key}" for key in file[name]]
            return tuple(key for key in inner if _dataset(file, key) is not None)
        if _dataset(file, name) is not None:
            return (name,)
    return ()


def _dataset(file: h5py.File, name: str) -> h5py.Dataset | None:
    """A dataset of this file itself: links to other files are not followed."""
    if name not in file or not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return None
    found = file[name]
    return found if isinstance(found, h5py.Dataset) and not found.is_virtual else None


def _number(said: Mapping[str, Any], name: str) -> float | None:
    """An attribute as a number; of several, the first."""
    if name not in said:
        return None
    try:
        value = float(np.asarray(said[name]).reshape(-1)[0])
    except (ValueError, TypeError, IndexError):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("There is no file {path}; check the path.", path=path)
    return damaged(path, str(error).splitlines()[0] if str(error) else type(error).__name__)
