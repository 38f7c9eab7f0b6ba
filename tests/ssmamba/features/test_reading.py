"""Small files in the layouts that other programs write: the same tiles, or one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ssmamba.errors import DataError
from ssmamba.features.reading import read_tiles
from ssmamba.features.values import TileFile

PLACES = np.array([[0, 0], [449, 0], [0, 449], [898, 449]])
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "features"


def write(path: Path, data: dict[str, np.ndarray], on_file: dict[str, Any] | None = None,
          **on_coords: Any) -> Path:  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            file[name] = values
        file.attrs.update(on_file or {})
        if "coords" in data:
            file["coords"].attrs.update(on_coords)
    return path


def trident(folder: Path) -> Path:
    return write(
        folder / "a.h5", {"coords": PLACES, "features": VALUES}, patch_size=224,
        patch_size_level0=449, level0_magnification=20, target_magnification=10, overlap=0,
        name="slide a", savetodir="x",
    )  # fmt: skip


def clam(folder: Path) -> Path:
    """A level whose downsample is not exactly 4."""
    return write(
        folder / "a.h5", {"coords": PLACES, "features": VALUES[None].astype(np.float16)},
        patch_size=112, patch_level=1, downsample=np.array([4.005, 4.005]), name="slide a",
    )  # fmt: skip


def atlas(folder: Path) -> Path:
    """A tile that two pieces of tissue share is stored twice."""
    order = [0, 1, 1, 2, 3]
    rest = np.tile([224, 224, 1], (5, 1))
    coords = np.column_stack([PLACES[order], rest]).astype(np.int32)
    on_file = {"patch_size": 224, "patch_size_level0": 449, "overlap": 0}
    data = {"coords": coords, "features/uni": VALUES[order], "features/conch": -VALUES[order]}
    return write(folder / "a.h5", data, on_file)


def wsinfer(folder: Path) -> Path:
    return write(folder / "a.h5", {"coords": PLACES}, patch_size=449, patch_spacing_um_px=1.0)


def stamp(folder: Path) -> Path:
    data = {"coords": PLACES * 0.5, "feats": VALUES}
    return write(folder / "a.h5", data, {"unit": "um", "tile_size_um": 224.5, "slide_mpp": 0.5})


def hs2p(folder: Path) -> Path:
    (folder / "tiles").mkdir()
    path = folder / "tiles" / "a.coordinates.npz"
    np.savez(path, x=PLACES[:, 0], y=PLACES[:, 1], tile_index=np.arange(4, dtype=np.int32),
             tissue_fractions=np.ones(4, np.float32))  # fmt: skip
    tiling = {"tile_size_lv0": 449, "step_px_lv0": 449, "read_tile_size_px": 224, "read_level": 1}
    path.with_name("a.coordinates.meta.json").write_text(json.dumps({"tiling": tiling}))
    return path


def slide2vec(folder: Path) -> Path:
    hs2p(folder)
    (folder / "tile_embeddings").mkdir()
    path = folder / "tile_embeddings" / "a.pt"
    torch.save(torch.from_numpy(VALUES), path)
    gone = json.dumps({"coordinates_npz_path": "/gone/tiles/a.coordinates.npz"})
    path.with_name("a.meta.json").write_text(gone)
    return path


def slide2vec_npz(folder: Path) -> Path:
    """Rows in another order than the tiles."""
    path = slide2vec(folder).with_suffix(".npz")
    order = np.array([2, 0, 3, 1])
    np.savez(path, features=VALUES[order], tile_index=order)
    return path


def csv_of_wsinfer(folder: Path) -> Path:
    rows = [f"{x},{y},449,449,{v[0]},{v[1]}" for (x, y), v in zip(PLACES, VALUES, strict=True)]
    path = folder / "a.csv"
    path.write_text("\n".join(["minx,miny,width,height,prob_Tumor,prob_Other", *rows]) + "\n")
    return path


LAYOUTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "TRIDENT": (trident, "features"),
    "CLAM": (clam, "features"),
    "atlas-patch": (atlas, "uni"),
    "WSInfer": (wsinfer, ""),
    "STAMP": (stamp, "feats"),
    "hs2p": (hs2p, ""),
    "slide2vec": (slide2vec, "features"),
    "slide2vec, npz": (slide2vec_npz, "features"),
    "WSInfer, CSV": (csv_of_wsinfer, ""),
}


def by_place(found: TileFile, values: np.ndarray) -> dict[tuple[float, float], list[float]]:
    return {(x, y): row for (x, y), row in zip(found.places.tolist(), values.tolist(), strict=True)}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_tiles_are_where_the_program_put_them(tmp_path: Path, kind: str) -> None:
    """The side is the file's own: 224 px of 1.0 µm are 449 for some programs and 448 for others."""
    make, name = LAYOUTS[kind]
    found = read_tiles(make(tmp_path))
    assert found.layout == kind.split(",")[0] and found.side == 449
    assert sorted(map(tuple, found.places.tolist())) == sorted(map(tuple, PLACES.tolist()))
    assert found.windows.shape == (4, 3)
    if not name:
        assert found.names == ()
        with pytest.raises(DataError, match="has no features"):
            found.features()
        return
    assert name in found.names
    expected = dict(zip(map(tuple, PLACES.tolist()), VALUES.tolist(), strict=True))
    assert by_place(found, found.features(name)) == expected


def test_what_a_program_stores_twice_is_read_once_and_told(tmp_path: Path) -> None:
    found = read_tiles(atlas(tmp_path))
    assert len(found.places) == 4 and found.notes == (
        "1 of 5 tiles are in a.h5 twice, and are read once.",
    )
    with pytest.raises(DataError, match=r"several encoders \((uni, conch|conch, uni)\); name one"):
        found.features()
    assert found.features("conch").sum() == -VALUES.sum()
    with pytest.raises(DataError, match=r"has no 'un' \(did you mean 'uni'\?\)"):
        found.features("un")


def test_columns_of_tables_are_values_of_the_tiles(tmp_path: Path) -> None:
    found = read_tiles(csv_of_wsinfer(tmp_path))
    assert set(found.columns) == {"prob_Tumor", "prob_Other"}
    assert found.columns["prob_Other"].tolist() == [1, 4, 7, 10]
    table = tmp_path / "attention.csv"
    table.write_text("x;y;attention;slide\n0;0;.5;a\n256;0;;a\n")
    found = read_tiles(table)
    assert found.side is None and found.likely_side == 256 and list(found.columns) == ["attention"]
    assert found.columns["attention"][0] == 0.5 and np.isnan(found.columns["attention"][1])
    assert read_tiles(hs2p(tmp_path)).columns["tissue"].tolist() == [1, 1, 1, 1]


@pytest.mark.shared_data
def test_a_foreign_file_that_does_not_say_how_large_its_tiles_are() -> None:
    path = SHARED / "TCGA-AD-6964-clam-like.h5"
    if not path.is_file():
        pytest.skip(f"no {path}")
    found = read_tiles(path)
    assert found.features().shape == (777, 512) and found.likely_side == 512
    with pytest.raises(DataError, match=r"how large its tiles are; give it \(512 level-0 px is"):
        _ = found.windows


def odd(folder: Path, **data: np.ndarray) -> Path:
    return write(folder / "odd.h5", data)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda f: f / "none.h5", "There is no file"),
        (lambda f: f / "none.npz", "no places"),
        (lambda f: f / "none.csv", "There is no file"),
        (lambda f: f / "a.txt", "There is no file"),
        (lambda f: f, "no feature file of a known kind"),
        (lambda f: odd(f, other=VALUES), "has no coords, only other"),
        (lambda f: odd(f, coords=VALUES[:, 0]), r"shape \(4,\)"),
        (lambda f: odd(f, coords=VALUES[:, :2] * np.nan), "a place is no number"),
        (lambda f: odd(f, coords=np.array([[b"a", b"b"]])), "shape"),
    ],
)
def test_what_is_no_feature_file_is_one_sentence(
    tmp_path: Path, make: Callable[[Path], Path], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read_tiles(make(tmp_path))


def test_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    for make in (trident, hs2p, slide2vec):
        folder = tmp_path / make.__name__
        folder.mkdir()
        path = make(folder)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(DataError, match="is not a feature file that can be read"):
            read_tiles(path).features()
    short = odd(tmp_path, coords=PLACES, features=VALUES[:2])
    with pytest.raises(DataError, match=r"4 places and features of shape \(2, 3\)"):
        read_tiles(short).features()
    none = odd(tmp_path, coords=PLACES, features=VALUES * np.nan)
    with pytest.raises(DataError, match="features that are no numbers"):
        read_tiles(none).features()
    table = tmp_path / "t.csv"
    for text, told in (
        ("a,b\n1,2\n", "no columns for the places"),
        ("x,y\n1\n", "line 2 has not 2 values"),
        ("x,y\na,2\n", "places that are no numbers"),
        ("x,y,side\n0,0,5\n5,0,6\n", "tiles of several sizes"),
    ):
        table.write_text(text)
        with pytest.raises(DataError, match=told):
            read_tiles(table)


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    trident(tmp_path)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["coords"] = h5py.ExternalLink("a.h5", "/coords")
    with pytest.raises(DataError, match="it has no coords"):
        read_tiles(tmp_path / "link.h5")


def test_embeddings_need_their_places(tmp_path: Path) -> None:
    path = slide2vec(tmp_path)
    (tmp_path / "tiles" / "a.coordinates.npz").unlink()
    with pytest.raises(DataError, match=r"there is no a.coordinates.npz in a folder tiles"):
        read_tiles(path)
