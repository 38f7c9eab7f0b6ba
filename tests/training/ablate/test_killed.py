"""A grid that is killed leaves no run behind, and ends, resumed, as if it had not been."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.training.killing import assert_killed_runs_end_equal

COUNT = os.environ.get("SSMAMBA_KILLS", "2")  # 30 for a release
CELL = "mixer-mamba"
FLAGS = ["--tables", "6", "--only", CELL, "--seeds", "0", "--size", "nano", "--image-size", "32",
         "--epochs", "2", "--batch-size", "8", "--pretrain-epochs", "2",
         "--pretrain-batch-size", "8", "--mosaics", "0", "--accelerator", "cpu"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux lists them")
def test_a_killed_grid_leaves_no_run_and_ends_equal(folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("warmup_epochs: 0.5\npretrain:\n  mask_unit: 8\n  decoder_dim: 32\n")
    given = [str(folder), str(tmp_path), COUNT, "--config", str(recipe), *FLAGS]
    assert_killed_runs_end_equal("tests.training.ablate.killing", given, COUNT)
