"""WSInfer itself runs our folders, and reads those that our tests make."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ssmamba.scan import main as scan
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.torchscripts import save_folder

pytestmark = pytest.mark.slow

# WSInfer 0.6.1 needs zarr 2; torch, torchvision, pandas, h5py and openslide are those of this run.
PACKAGES = (
    "wsinfer==0.6.1", "wsinfer-zoo==0.6.2", "zarr==2.18.7", "numcodecs==0.15.1",
    "asciitree==0.3.3", "fasteners==0.20", "deprecated==1.3.1", "wrapt==2.1.2",
    "jsonschema==4.26.0", "jsonschema-specifications==2025.9.1", "referencing==0.37.0",
    "rpds-py==0.30.0", "attrs==26.1.0", "scikit-image==0.26.0", "lazy-loader==0.5",
)  # fmt: skip

RUN = """
import json, sys, warnings
from pathlib import Path

import h5py
import numpy as np
from wsinfer.modellib.models import LocalModelTorchScript
from wsinfer.modellib.run_inference import run_inference
from wsinfer.wsi import set_backend
from wsinfer_zoo.client import ModelConfiguration

folder, slides, results, places = map(Path, sys.argv[1:5])
set_backend("openslide")
config = ModelConfiguration.from_dict(json.loads((folder / "config.json").read_text()))
side = config.get_slide_patch_size(float(sys.argv[5]))
(results / "patches").mkdir(parents=True)
with h5py.File(results / "patches" / "slide.h5", "w") as file:
    found = file.create_dataset("coords", data=np.array(json.loads(places.read_text())))
    found.attrs.update(patch_size=side, patch_level=0, patch_spacing_um_px=config.spacing_um_px)
model = LocalModelTorchScript(config=config, model_path=str(folder / "torchscript_model.pt"))
assert run_inference(slides, results, model, batch_size=7) == ([], [])
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    pytest.importorskip("pandas", reason="needs pandas, which WSInfer reads tables with")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
    done = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1]
        pytest.skip(f"WSInfer cannot be installed here: {why}")
    return folder


@pytest.mark.parametrize("ours", [True, False])
def test_wsinfer_and_a_scan_of_ours_agree(
    ours: bool, exported: Path, packages: Path, tmp_path: Path
) -> None:
    """Where no tile is resized, for which the two have different filters, or reaches beyond the
    slide, where WSInfer sees black and we see white."""
    folder = exported if ours else save_folder(tmp_path / "zoo", patch_size_pixels=32)
    (tmp_path / "slides").mkdir()
    slide = tmp_path / "slides" / "slide.tif"
    write_pyramid(slide, 320, 256, mpp=0.5, picture=grainy(320, 256))
    out = ["--out", str(tmp_path / "scan"), "--device", "cpu", "--format", "csv"]
    assert scan([str(slide), "--model", str(folder), *out]) == 0
    with (tmp_path / "scan" / "slide" / "tiles.csv").open() as file:
        mine = list(csv.DictReader(file))
    assert len(mine) > 20
    places = [[int(row["minx"]), int(row["miny"])] for row in mine]
    (tmp_path / "places.json").write_text(json.dumps(places))
    code = f"import sys; sys.path.insert(0, {str(packages)!r})\n{RUN}"
    arguments = [folder, slide.parent, tmp_path / "results", tmp_path / "places.json", "0.5"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True, text=True, check=False, env=_home(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "results" / "model-outputs-csv" / "slide.csv").open() as file:
        theirs = list(csv.DictReader(file))
    names = [name for name in theirs[0] if name.startswith("prob_")]
    assert names == [name for name in mine[0] if name.startswith("prob_")]
    compared = 0
    for one, other in zip(theirs, mine, strict=True):
        assert [one[k] for k in ("minx", "miny", "width")] == [other[k] for k in
                                                             ("minx", "miny", "width")]  # fmt: skip
        for name in names:
            if other[name]:
                assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-4)
                compared += 1
    assert compared > 20


def _home(folder: Path) -> dict[str, str]:
    """wsinfer-zoo makes a folder in the home directory as it is imported."""
    import os

    return {**os.environ, "HOME": str(folder), "WSINFER_FORCE_CPU": "1"}
