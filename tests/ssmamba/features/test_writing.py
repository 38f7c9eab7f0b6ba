"""Feature files that others read: TRIDENT's keys, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ssmamba.errors import DataError
from ssmamba.features import hdf5
from ssmamba.features.hdf5 import TileAttributes, write_features
from ssmamba.features.reading import read_tiles

PLACES = np.array([[0, 448], [448, 448]])
VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)
TILES = TileAttributes(224, 448, 20.0, 10.0, 0, "slide a")


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_written_file_has_tridents_layout(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "deep" / "a.h5"
    write_features(path, PLACES, VALUES.astype(kind), TILES, {"encoder": "nano"})
    with h5py.File(path) as file:
        assert file["coords"].dtype == np.int64 and (file["coords"][:] == PLACES).all()
        assert file["features"].dtype == kind and (file["features"][:] == VALUES).all()
        said = dict(file["coords"].attrs)
        assert {said[k] for k in ("patch_size", "patch_size_level0", "overlap")} == {224, 448, 0}
        assert (said["level0_magnification"], said["target_magnification"]) == (20, 10)
        assert said["name"] == "slide a" and file["features"].attrs["encoder"] == "nano"
    found = read_tiles(path)
    assert (found.layout, found.side, found.slide) == ("TRIDENT", 448, "slide a")
    assert found.features().dtype == kind and (found.features() == VALUES).all()


def test_the_scale_of_the_tiles_is_read_again_exactly_or_by_tridents_magnification(
    tmp_path: Path,
) -> None:
    """Slide models are trained at it."""
    write_features(tmp_path / "a.h5", PLACES, VALUES, TILES, {"target_mpp": 0.97})
    assert read_tiles(tmp_path / "a.h5").mpp == 0.97
    write_features(tmp_path / "b.h5", PLACES, VALUES, TILES, {})
    assert read_tiles(tmp_path / "b.h5").mpp == 1.0  # 10 ×
    unknown = TileAttributes(224, 448, 0.0, 0.0, 0, "slide a")
    write_features(tmp_path / "c.h5", PLACES, VALUES, unknown, {})
    assert read_tiles(tmp_path / "c.h5").mpp is None


def test_a_slide_without_tiles_is_a_file_too(tmp_path: Path) -> None:
    write_features(tmp_path / "a.h5", PLACES[:0], VALUES[:0], TILES, {})
    assert read_tiles(tmp_path / "a.h5").features().shape == (0, 3)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.h5"
    write_features(path, PLACES, VALUES, TILES, {})
    before = path.read_bytes()

    class Full(h5py.File):
        def close(self) -> None:
            super().close()
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(hdf5.h5py, "File", Full)
    with pytest.raises(DataError, match="No space left on device"):
        write_features(path, PLACES, VALUES + 1, TILES, {})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.h5"]
