"""Tiles and features of wsidata and LazySlide: a SpatialData folder (zarr), read and written.

``shapes/tiles/shapes.parquet`` has a polygon (WKB) and a ``tile_id`` for each tile,
``tables/MODEL_tiles`` an AnnData with ``X`` (N, D) and ``obs/tile_id``.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from ssmamba.errors import DataError
from ssmamba.features.values import TileFile, damaged, tile_file
from ssmamba.files import read_json, unwritten, written_folder

TILES = "tiles"  # default name of the tiles among the shapes
UNFIT = re.compile(r"[^\w.-]")  # for the name of a table
EXTRA = "pip install 'ssmamba-viewer[spatialdata]'"


@dataclass(frozen=True)
class Store:
    """What a store says of a slide and its tiles."""

    windows: np.ndarray  # (N, 3) x, y, side, whole level-0 pixels
    step: int  # from tile to tile, level-0 pixels
    tile_px: int  # side of a tile as it was read
    mpp: float | None  # µm/px at which it was read
    slide_mpp: float | None  # µm per level-0 pixel
    sizes: tuple[tuple[int, int], ...]  # width and height of the slide's levels, largest first


def is_wsidata(path: Path) -> bool:
    """Whether a folder is a SpatialData store."""
    return path.is_dir() and (path / "zarr.json").is_file() and (path / "shapes").is_dir()


def read_wsidata(path: Path, tiles: str = TILES) -> TileFile:
    """The tiles of a store and the features of its models. Raises DataError."""
    folder = path / "shapes" / tiles
    if not folder.is_dir():
        there = sorted(p.name for p in (path / "shapes").iterdir() if p.is_dir())
        raise DataError(
            "{path} has no tiles '{tiles}' (it has: {names}).",
            path=path,
            tiles=tiles,
            names=", ".join(there) or "none",
        )
    boxes, ids = _shapes(folder / "shapes.parquet")
    sides = boxes[:, 2:] - boxes[:, :2]
    side = float(sides[0, 0]) if len(sides) else None
    if side is not None and np.abs(sides - side).max() > 1e-6 * side:
        raise damaged(path, "its tiles are not squares of one size")
    ending = f"_{tiles}"
    tables = path / "tables"
    names = tuple(
        sorted(
            p.name.removesuffix(ending)
            for p in (tables.iterdir() if tables.is_dir() else ())
            if p.name.endswith(ending) and (p / "X").exists()
        )
    )

    def load(name: str) -> np.ndarray:
        table = _zarr().open_group(tables / f"{name}{ending}", mode="r")
        return _in_order(path, np.asarray(table["X"][:]), table, ids)

    return tile_file(
        path, "wsidata", boxes[:, :2], side, load, names, mpp=_mpp(path, tiles), slide=path.stem
    )


def write_wsidata(
    path: Path, store: Store, features: np.ndarray, name: str, encoder: Mapping[str, Any]
) -> None:
    """Write tiles, and their features (N, D) as the table ``NAME_tiles``, whole or not at all.

    encoder: what the features were made with. Raises DataError, also where spatialdata is not
    installed.
    """
    require_spatialdata()
    from anndata import AnnData
    from geopandas import GeoDataFrame
    from pandas import DataFrame
    from spatialdata import SpatialData
    from spatialdata.models import ShapesModel, TableModel

    x, y, sides = store.windows.T
    ids = np.arange(len(features))
    boxes = shapely.box(x, y, x + sides, y + sides)
    obs = DataFrame({"tile_id": ids, "library_id": TILES}, index=ids.astype(str))
    obs["library_id"] = obs["library_id"].astype("category")
    keys = {"region": TILES, "region_key": "library_id", "instance_key": "tile_id"}
    try:
        with warnings.catch_warnings(), written_folder(path) as partial:
            warnings.simplefilter("ignore")
            table = TableModel.parse(AnnData(features, obs=obs), **keys)
            table.uns["encoder"] = dict(encoder)
            SpatialData(
                shapes={TILES: ShapesModel.parse(GeoDataFrame({"tile_id": ids}, geometry=boxes))},
                tables={f"{UNFIT.sub('_', name)}_{TILES}": table},
                attrs={"tile_spec": {TILES: _tile_spec(store)}, "slide_properties": _slide(store)},
            ).write(partial)
    except OSError as error:
        raise unwritten(path, error) from error


def require_spatialdata() -> None:
    """Raise DataError where the package that writes stores is not installed."""
    try:
        import spatialdata  # noqa: F401  (seconds to import)
    except ImportError as error:
        raise DataError(
            "SpatialData is not written without {package}; install it with "
            "{extra}, or leave out --format.",
            package=error.name or "spatialdata",
            extra=EXTRA,
        ) from error


def _tile_spec(store: Store) -> dict[str, Any]:
    """wsidata's TileSpec, by which it reads a tile's pixels again."""
    side, px = int(store.windows[0, 2]), store.tile_px
    larger = np.nextafter(side / px, np.inf)  # wsidata cuts off what is behind the point
    stride = round(px * store.step / side)
    return {
        "height": px, "width": px, "stride_height": stride, "stride_width": stride,
        "mpp": store.mpp, "ops_level": 0, "ops_downsample": larger, "base_level": 0,
        "base_downsample": larger, "tissue_name": None,
    }  # fmt: skip


def _slide(store: Store) -> dict[str, Any]:
    """What wsidata keeps of a slide's properties."""
    shapes = [[height, width] for width, height in store.sizes]
    return {
        "shape": shapes[0],
        "n_level": len(shapes),
        "level_shape": shapes,
        "level_downsample": [shapes[0][0] / height for height, _ in shapes],
        "mpp": store.slide_mpp,
    }


def _shapes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (N, 4) of the tiles, level-0 pixels, and their ids (N,)."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise _missing(path, "pyarrow") from error
    try:
        table = parquet.read_table(io.BytesIO(path.read_bytes()))
        shapes = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
        named = "tile_id" in table.column_names
        ids = table["tile_id"].to_numpy() if named else np.arange(len(shapes))
    except (OSError, KeyError, ValueError, ArrowException, shapely.errors.ShapelyError) as error:
        raise damaged(path, str(error).splitlines()[0]) from error
    return shapely.bounds(shapes).reshape(-1, 4), np.asarray(ids)


def _in_order(path: Path, values: np.ndarray, table: Any, ids: np.ndarray) -> np.ndarray:
    """Rows of a table in the order of the tiles, by their ids where it has them."""
    values = values if values.dtype == np.float16 else values.astype(np.float32)
    if "tile_id" not in table["obs"]:
        return values
    row = {number: index for index, number in enumerate(table["obs"]["tile_id"][:].tolist())}
    missing = [number for number in ids.tolist() if number not in row]
    if missing:
        raise damaged(path, f"tile {missing[0]} has no features")
    return values[[row[number] for number in ids.tolist()]]


def _mpp(path: Path, tiles: str) -> float | None:
    """µm/px at which the tiles were read, of the store's ``tile_spec``."""
    said: Any = read_json(path / "zarr.json")
    for key in ("attributes", "tile_spec", tiles, "mpp"):
        said = said.get(key) if isinstance(said, dict) else None
    return float(said) if isinstance(said, int | float) and said > 0 else None


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise _missing(Path("wsidata"), "zarr") from error
    return zarr


def _missing(path: Path, package: str) -> DataError:
    return DataError(
        "{name} cannot be read without {package}; install it with {extra}.",
        name=path.name,
        package=package,
        extra=EXTRA,
    )
