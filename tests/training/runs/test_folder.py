"""A run's folder: gone on with only as it was started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.training.conftest import TINY
from training import finetune


def test_a_finished_run_stays_as_it_is_and_notices_changed_images(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    shutil.copytree(folder, data)
    arguments = ["--data", str(data), "--out", str(out), *TINY, "--epochs", "1"]
    assert finetune.main(arguments) == 0
    before = (out / "best.safetensors").read_bytes()
    assert finetune.main([*arguments, "--resume"]) == 0
    assert (out / "best.safetensors").read_bytes() == before
    (data / "round" / "00.png").unlink()
    assert finetune.main([*arguments, "--resume"]) == 2
    assert "images or their split have changed" in capsys.readouterr().err
