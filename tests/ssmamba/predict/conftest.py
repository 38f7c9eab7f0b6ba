"""Files that the command is run on, and the command."""

import pytest
from PIL import Image

from ssmamba.checkpoints.card import InputSpec
from ssmamba.predict import main
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier, save_mamim
from tests.ssmamba.predict.results import SURE, square


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    save_classifier(folder / "a.safetensors", calibration=SURE)
    save_classifier(folder / "b.safetensors", seed=1, name="Other", calibration=SURE)
    scaled = InputSpec(window_px=64, source_px=64, mpp=0.5)
    save_classifier(folder / "scaled.safetensors", spec=scaled)
    save_mamim(folder / "mamim.safetensors")
    write_pyramid(folder / "slide.tif", 600, 400, mpp=0.5, picture=grainy(600, 400))
    write_pyramid(folder / "no-mpp.tif", 600, 400, mpp=None)
    Image.fromarray(grainy(64, 64)).save(folder / "patch.png")
    Image.fromarray(grainy(64, 64, seed=5)).save(folder / "other.png")
    regions = [
        square(10, 20, 64, "first"),
        square(100, 100, 128, "second", measurements={"area": 4.0}),
        Roi(((((5.0, 5.0),),),), kind="point"),
    ]
    write_rois(folder / "regions.geojson", regions)
    return folder


@pytest.fixture
def predict(folder, tmp_path, capsys):
    """Run the command on files of the folder; returns (status, stderr, output folder)."""

    def run(*arguments):
        out = tmp_path / "out"
        named = [str(folder / a) if (folder / str(a)).is_file() else str(a) for a in arguments]
        status = main([*named, "--out", str(out), "--device", "cpu"])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.err, out

    return run
