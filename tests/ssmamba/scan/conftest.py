"""A slide of tissue on glass, a model with a scale, and the command."""

import numpy as np
import pytest

from ssmamba.checkpoints.card import Calibration, InputSpec
from ssmamba.scan import main
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier

SPEC = InputSpec(window_px=32, source_px=32, mpp=1.0)


def on_glass(width, height, seed=0):
    """Tissue in the middle of glass, with a pen's stroke."""
    picture = np.random.default_rng(seed).normal(243, 1.2, (height, width, 1)).repeat(3, 2)
    x, y = width // 5, height // 5
    picture[y:-y, x:-x] = grainy(width - 2 * x, height - 2 * y, seed)
    picture[:, 4:14] = (30, 160, 140)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    save_classifier(
        folder / "model.safetensors", spec=SPEC, calibration=Calibration(entropy_limit=0.8)
    )
    (folder / "slides").mkdir()
    for number, name in enumerate(("one", "two", "three")):
        picture = on_glass(500 + 60 * number, 400, number)
        write_pyramid(folder / "slides" / f"{name}.tif", mpp=0.5, picture=picture)
    write_pyramid(folder / "no-mpp.tif", mpp=None, picture=on_glass(400, 300))
    write_pyramid(folder / "glass.tif", mpp=0.5, picture=np.full((300, 400, 3), 243, np.uint8))
    return folder


@pytest.fixture
def scan(folder, tmp_path, capsys):
    """Run the command on files of the folder; returns (status, stderr, output folder)."""

    def run(*arguments, model="model.safetensors", out="out"):
        named = [str(folder / a) if (folder / str(a)).exists() else str(a) for a in arguments]
        given = ["--model", str(folder / model), "--out", str(tmp_path / out), "--device", "cpu"]
        status = main([*named, *given, "--batch", "8"])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.err + captured.out, tmp_path / out

    return run
