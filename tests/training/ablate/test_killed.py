"""A grid that is killed leaves no run behind, and ends, resumed, as if it had not been."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.training.killing import differences

COUNT = int(os.environ.get("SSMAMBA_KILLS", "2"))
CELL = "mixer-mamba"
FLAGS = ["--tables", "6", "--only", CELL, "--seeds", "0", "--size", "nano", "--image-size", "32",
         "--epochs", "2", "--batch-size", "8", "--pretrain-epochs", "2",
         "--pretrain-batch-size", "8", "--mosaics", "0", "--accelerator", "cpu"]  # fmt: skip


def grid(folder: Path, data: Path, *more: str) -> subprocess.Popen[bytes]:
    recipe = folder.parent / "recipe.yaml"
    recipe.write_text("warmup_epochs: 0.5\npretrain:\n  mask_unit: 8\n  decoder_dim: 32\n")
    command = [sys.executable, "-m", "training.ablate", "--data", str(data), "--out", str(folder)]
    return subprocess.Popen(
        [*command, "--config", str(recipe), *FLAGS, *more], stdout=subprocess.DEVNULL
    )


def runs_of(folder: Path) -> list[str]:
    """The processes at work below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "training.ablate.child" in text and str(folder) in text:
            found.append(text)
    return found


def operations(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux lists them")
def test_a_killed_grid_leaves_no_run_and_ends_equal(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert grid(whole, folder).wait() == 0
    runs = [path.parent.relative_to(whole) for path in whole.glob("*/*/best.safetensors")]
    assert len(runs) == 2
    most, rng = operations(whole), random.Random(0)
    for number in range(COUNT):
        out, at = tmp_path / f"killed{number}", rng.randrange(1, most)
        with grid(out, folder) as process:
            while operations(out) < at and process.poll() is None:
                time.sleep(0.02)
            process.kill()
        deadline = time.monotonic() + PATIENCE_S
        while runs_of(out) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not runs_of(out)
        assert grid(out, folder, "--resume").wait() == 0
        for run in runs:
            wrong = differences(whole / run, out / run)
            # a card has its pre-training's hash, which depends on the seconds in that one's card
            assert not [what for what in wrong if "another card" not in what], wrong
