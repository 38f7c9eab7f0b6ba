"""Steps that a network cannot take are refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.conftest import TINY
from training.finetune import main as finetune
from training.pretrain import main as pretrain

ALONE = [*TINY[:4], "--epochs", "1", "--batch-size", "1"]


@pytest.mark.parametrize("more", [[], ["--arch", "resnet"]])
def test_one_image_with_one_cell_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    out = tmp_path / "run"
    assert finetune(["--data", str(folder), "--out", str(out), *ALONE, *more]) == 2
    assert "give a --batch-size of two or more" in capsys.readouterr().err
    assert not out.exists()


def test_pre_training_refuses_it_too(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert pretrain(["--data", str(folder), "--out", str(out), *ALONE]) == 2
    assert "give a --batch-size of two or more" in capsys.readouterr().err
    assert not out.exists()
