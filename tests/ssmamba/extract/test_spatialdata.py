"""Features as SpatialData, which wsidata and LazySlide open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.features.wsidata import Store, _slide, _tile_spec
from ssmamba.files import written_folder
from tests.ssmamba.extract.conftest import Run

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("spatialdata==0.7.3", "anndata==0.12.19", "zarr==3.1.6", "geopandas==1.2.0",
            "pyarrow==26.0.1", "ome-zarr==0.15.0")  # fmt: skip
WSIDATA = "wsidata==0.12.0"  # without what it needs: torch and openslide are those of this run


def store_of(side: int, px: int = 224, step: int | None = None) -> Store:
    windows = np.array([[0.0, 0.0, side], [side, 0.0, side]])
    return Store(windows, step or side, px, 1.0, 0.5, ((2000, 1500), (1000, 750)))


@given(st.integers(16, 4096), st.sampled_from([32, 96, 128, 224, 256, 384, 512]))
def test_wsidata_reads_tiles_of_the_same_side(side: int, px: int) -> None:
    """It multiplies and cuts off what is behind the point."""
    spec = _tile_spec(store_of(side, px))
    assert int(spec["width"] * spec["base_downsample"]) == side
    assert int(spec["width"] * spec["ops_downsample"]) == side
    assert spec["base_downsample"] == pytest.approx(side / px)


def test_strides_and_levels_are_told() -> None:
    spec = _tile_spec(store_of(448, 224, step=336))
    assert (spec["stride_width"], spec["mpp"], spec["tissue_name"]) == (168, 1.0, None)
    slide = _slide(store_of(448))
    assert slide["shape"] == [1500, 2000] and slide["level_downsample"] == [1.0, 2.0]


def test_without_the_package_nothing_is_begun(
    extract: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spatialdata", None)
    status, said, out = extract("slides", "--format", "spatialdata")
    assert status == 2 and "install it with" in said and said.count("\n") == 1
    assert not out.exists()


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    with written_folder(path) as partial:
        partial.mkdir()
        (partial / "one").write_text("1")
        assert not path.exists()
    with pytest.raises(RuntimeError), written_folder(path) as partial:
        partial.mkdir()
        raise RuntimeError
    assert [p.name for p in tmp_path.rglob("*")] == ["a.zarr", "one"]
    with written_folder(path) as partial:
        partial.mkdir()
        (partial / "two").write_text("2")
    assert [p.name for p in tmp_path.rglob("*")] == ["a.zarr", "two"]


CHECK = """
import sys
from pathlib import Path

import numpy as np
from wsidata import open_wsi

from ssmamba.checkpoints.card import InputSpec
from ssmamba.extract import main
from ssmamba.features.reading import read_tiles
from ssmamba.slides.slide import Slide
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier
from tests.ssmamba.extract.conftest import on_glass

folder = Path(sys.argv[1])
model = save_classifier(folder / "my model.safetensors", spec=InputSpec(32, 32, mpp=1.0))
slide = folder / "one.tif"
write_pyramid(slide, mpp=0.35, picture=on_glass(900, 700))
flags = [str(slide), "--encoder", str(model), "--device", "cpu"]
store = ["--out", str(folder / "store"), "--format", "spatialdata"]
assert main([*flags, *store]) == 0
assert main([*flags, "--out", str(folder / "file"), "--half"]) == 0
(zarr,), (h5,) = folder.glob("store/*/*/one.zarr"), folder.glob("file/*/*/one.h5")
ours, plain = read_tiles(zarr), read_tiles(h5)
assert (ours.layout, ours.side, ours.names) == ("wsidata", 91.0, ("my_model",))
assert np.array_equal(ours.places, plain.places) and len(ours.places) > 20
assert np.abs(ours.features() - plain.features()).max() < 1e-2

wsi = open_wsi(slide, store=zarr)
spec = wsi.tile_spec("tiles")
assert (spec.width, spec.base_width, spec.ops_width) == (32, 91, 91)
table = wsi.fetch.features_anndata("my_model")
assert np.array_equal(table.X, ours.features())
assert np.array_equal(table.obsm["spatial"], ours.places)
assert len(wsi["my_model_tiles"].uns["encoder"]["encoder_sha256"]) == 64
tile = list(wsi.iter.tile_images("tiles"))[7]
x, y = ours.places[7]
with Slide.open(slide) as opened:
    own = opened.read_window(x, y, 91, 32).astype(float)
assert tile.image.shape == own.shape and np.abs(tile.image - own).mean() < 12

before = sorted((p, p.stat().st_mtime_ns) for p in zarr.rglob("*"))
assert main([*flags, *store]) == 0  # goes on: nothing is done again
assert before == sorted((p, p.stat().st_mtime_ns) for p in zarr.rglob("*"))
assert main([*flags, "--out", str(folder / "store")]) == 2  # another format in this folder
print("agreed")
"""


@pytest.mark.slow
def test_wsidata_opens_what_is_written(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(packages)]
    for more in (PACKAGES, ("--no-deps", WSIDATA)):
        done = subprocess.run([*pip, *more], capture_output=True, text=True, check=False)
        if done.returncode:
            why = done.stderr.strip().splitlines()[-1]
            pytest.skip(f"wsidata cannot be installed here: {why}")
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(packages)!r}]\n{CHECK}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        capture_output=True, text=True, check=False, env={**os.environ, "SSMAMBA_SCAN": "torch"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith("agreed")
