"""A checkpoint, and the command that exports it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import Calibration, InputSpec
from ssmamba.export import main
from tests.ssmamba.checkpoints.made import save_classifier

SPEC = InputSpec(window_px=16, source_px=16, mpp=0.5, mean=(0.7, 0.6, 0.7), std=(0.2, 0.2, 0.2))
LIMITS = Calibration(temperature=1.7)
Run = Callable[..., tuple[int, str, Path]]


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.safetensors"
    return save_classifier(path, spec=SPEC, calibration=LIMITS)


@pytest.fixture(scope="package")
def exported(model: Path) -> Path:
    """The checkpoint as a model folder of WSInfer's."""
    out = model.parent / "exported"
    assert main([str(model), "--out", str(out)]) == 0
    return out


@pytest.fixture
def export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; returns (status, what it said, output folder)."""

    def run(*arguments: object) -> tuple[int, str, Path]:
        status = main([*map(str, arguments), "--out", str(tmp_path / "out")])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return status, said, tmp_path / "out"

    return run
