"""A store in the layout of wsidata and LazySlide: zarr v3 with shapes in Parquet and tables."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from ssmamba.errors import DataError
from ssmamba.features.reading import read_tiles

zarr = pytest.importorskip("zarr", reason="the extra spatialdata is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="the extra spatialdata is not installed")

PLACES = np.array([[0, 0], [448, 0], [0, 448]])
VALUES = np.arange(9, dtype=np.float32).reshape(3, 3)


def write_store(path: Path, side: float = 448, order: tuple[int, ...] = (0, 1, 2)) -> Path:
    """order: rows of the table as tile ids."""
    from pyarrow import parquet

    root = zarr.open_group(path, mode="w", zarr_format=3)
    spec = {"width": 224, "height": 224, "mpp": 1.0, "base_downsample": 2.0}
    root.attrs["tile_spec"] = {"tiles": spec}
    root.create_group("shapes/tiles")
    shapes = [shapely.box(x, y, x + side, y + side).wkb for x, y in PLACES]
    table = pyarrow.table({"geometry": shapes, "tile_id": np.arange(3)})
    parquet.write_table(table, path / "shapes" / "tiles" / "shapes.parquet")
    features = root.create_group("tables/uni_tiles")
    features["X"] = VALUES[[n % 3 for n in order]]
    features.create_group("obs")["tile_id"] = np.array(order)
    return path


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_tiles_and_features_are_joined_by_their_ids(tmp_path: Path, order: tuple[int, ...]) -> None:
    """224 px of 1.0 µm on a slide of 0.499: 448 px here, 449 for others."""
    found = read_tiles(write_store(tmp_path / "a.zarr", order=order))
    assert (found.layout, found.side, found.mpp, found.names) == ("wsidata", 448, 1.0, ("uni",))
    assert found.places.tolist() == PLACES.tolist()
    assert found.features().tolist() == VALUES.tolist()


def test_what_is_missing_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_store(tmp_path / "a.zarr", order=(0, 1, 7))
    with pytest.raises(DataError, match="tile 2 has no features"):
        read_tiles(path).features()
    parquet = path / "shapes" / "tiles" / "shapes.parquet"
    whole = parquet.read_bytes()
    parquet.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is not a feature file that can be read"):
        read_tiles(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"without pyarrow; install it with pip install"):
        read_tiles(path)
