"""Small slides of tissue on glass, an encoder with a scale, and the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssmamba.checkpoints.card import InputSpec
from ssmamba.extract import main
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier

SPEC = InputSpec(window_px=32, source_px=32, mpp=1.0)
SCALE = "10x_32px_0px_overlap"


def on_glass(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Tissue in the middle of glass, (height, width, 3) uint8."""
    picture = np.random.default_rng(seed).normal(243, 1.2, (height, width, 1)).repeat(3, 2)
    x, y = width // 5, height // 5
    picture[y:-y, x:-x] = grainy(width - 2 * x, height - 2 * y, seed)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extract")
    save_classifier(folder / "model.safetensors", spec=SPEC)
    save_classifier(folder / "unscaled.safetensors", spec=InputSpec(window_px=32, source_px=32))
    (folder / "slides").mkdir()
    for number, name in enumerate(("one", "two", "three")):
        picture = on_glass(500 + 60 * number, 400, number)
        write_pyramid(folder / "slides" / f"{name}.tif", mpp=0.5, picture=picture)
    write_pyramid(folder / "no-mpp.tif", mpp=None, picture=on_glass(400, 300))
    write_pyramid(folder / "glass.tif", mpp=0.5, picture=np.full((300, 400, 3), 243, np.uint8))
    return folder


@pytest.fixture(autouse=True)
def plain_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling a kernel would take longer than the tests."""
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")


Run = Callable[..., tuple[int, str, Path]]


@pytest.fixture
def extract(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command on files of the folder; returns (status, what was said, output folder)."""

    def run(*arguments: object, encoder: str = "model.safetensors") -> tuple[int, str, Path]:
        named = [str(folder / str(a)) if (folder / str(a)).exists() else str(a) for a in arguments]
        source = encoder if ":" in encoder else str(folder / encoder)
        given = ["--encoder", source, "--out", str(tmp_path / "out"), "--device", "cpu"]
        status = main([*named, *given])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.err + captured.out, tmp_path / "out"

    return run
