"""Tiles of hs2p, and features that slide2vec keeps beside them.

hs2p writes ``tiles/ID.coordinates.npz`` (``x``, ``y``, ``tile_index``) and
``ID.coordinates.meta.json``, whose ``tiling`` has ``tile_size_lv0``. slide2vec writes
``tile_embeddings/ID.pt``, a bare tensor, or ``ID.npz`` with ``features`` and ``tile_index``, and
names the places in a JSON file beside it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.errors import DataError
from ssmamba.features.values import TileFile, damaged, tile_file
from ssmamba.files import read_json

PLACES = ".coordinates.npz"
META = ".coordinates.meta.json"
TILE_FOLDERS = ("tiles", "coordinates", ".")  # beside the folder of embeddings
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def read_hs2p(path: Path) -> TileFile:
    """Places alone, of a file ``ID.coordinates.npz``. Raises DataError."""
    arrays = _arrays(path, ("x", "y"))
    said = _said(path)
    fractions = arrays.get("tissue_fractions")
    return tile_file(
        path,
        "hs2p",
        _places(path, arrays),
        _side(said),
        columns={} if fractions is None else {"tissue": fractions},
        mpp=_number(said, "requested_spacing_um"),
        slide=path.name.removesuffix(PLACES),
    )


def read_slide2vec(path: Path) -> TileFile:
    """Features of a ``.pt`` or ``.npz`` file, and the places that belong to them.

    Raises DataError.
    """
    stem = path.name.removesuffix(path.suffix)
    beside = _places_of(path, stem)
    arrays, said = _arrays(beside, ("x", "y")), _said(beside)
    places = _places(beside, arrays)
    if path.suffix == ".npz":
        features, rows = _from_npz(path, arrays)
    else:
        features, rows = _tensor(path), np.arange(len(places))
    if len(features) != len(rows) or (path.suffix != ".npz" and len(features) != len(places)):
        raise damaged(path, f"it has {len(features)} features for {len(places)} tiles")
    return tile_file(
        path,
        "slide2vec",
        places[rows],
        _side(said),
        lambda _: features,
        ("features",),
        mpp=_number(said, "requested_spacing_um"),
        slide=stem,
    )


def _from_npz(path: Path, tiles: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D), and which tile each is of, (N,)."""
    found = _arrays(path, ("features",))
    features = _plain(found["features"])
    if "tile_index" not in found or "tile_index" not in tiles:
        return features, np.arange(len(features))
    order = {int(number): row for row, number in enumerate(tiles["tile_index"])}
    missing = [int(n) for n in found["tile_index"] if int(n) not in order]
    if missing:
        raise damaged(path, f"tile {missing[0]} has no place")
    return features, np.array([order[int(n)] for n in found["tile_index"]], np.int64)


def _places_of(path: Path, stem: str) -> Path:
    """The file of the places: where the sidecar says, or its name where folders were moved."""
    names = [f"{stem}{PLACES}"]
    for sidecar in sorted(path.parent.glob(f"{stem}*.json")):
        said = read_json(sidecar)
        given = said.get("coordinates_npz_path") if isinstance(said, dict) else None
        if isinstance(given, str):
            if Path(given).is_file():
                return Path(given)
            names.insert(0, given.replace("\\", "/").rsplit("/", 1)[-1])
    for folder in (path.parent, *(path.parent.parent / name for name in TILE_FOLDERS)):
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise DataError(
        "{path} has features and no places: there is no {file} in a folder tiles beside its "
        "own; copy it there.",
        path=path,
        file=names[-1],
    )


def _arrays(path: Path, needed: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise DataError("There is no file {path}; check the path.", path=path) from error
    except UNREADABLE as error:
        raise damaged(path, str(error)) from error
    missing = [name for name in needed if name not in found]
    if missing:
        raise damaged(path, f"it has no {missing[0]}, only {', '.join(found) or 'nothing'}")
    return found


def _places(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    x, y = arrays["x"], arrays["y"]
    if x.ndim != 1 or x.shape != y.shape:
        raise damaged(path, f"x has the shape {x.shape} and y {y.shape}")
    return np.column_stack([x, y])


def _said(path: Path) -> Mapping[str, Any]:
    """What the file beside the places says of the tiles."""
    said = read_json(path.with_name(path.name.removesuffix(PLACES) + META))
    tiling = said.get("tiling") if isinstance(said, dict) else None
    return tiling if isinstance(tiling, dict) else {}


def _side(said: Mapping[str, Any]) -> float | None:
    return _number(said, "tile_size_lv0")


def _number(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(value) if number else None  # type: ignore[arg-type]


def _tensor(path: Path) -> np.ndarray:
    """A bare tensor, read without pickle's code."""
    import torch  # seconds to import

    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError("There is no file {path}; check the path.", path=path) from error
    except Exception as error:  # torch raises what its many readers raise
        raise damaged(path, str(error).splitlines()[0]) from error
    if not isinstance(value, torch.Tensor):
        raise damaged(path, f"it holds {type(value).__name__} in place of a tensor")
    half = value.dtype == torch.float16
    return value.numpy() if half else value.float().numpy()


def _plain(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.float16 else values.astype(np.float32)
