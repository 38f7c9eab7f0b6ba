"""A training that is killed at any of its file operations ends, resumed, as if it had not been."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import TINY

COUNT = os.environ.get("SSMAMBA_KILLS", "5")  # 100 for a release
RUNS = {
    "finetune": ["--epochs", "2", "--lrs", "1e-3,1e-4", "--mixup", "0.5", "--ema-decay", "0.9"],
    "pretrain": ["--epochs", "3", "--mask-unit", "8", "--decoder-dim", "32"],
}


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")
@pytest.mark.parametrize("command", RUNS)
def test_a_killed_training_resumes_bit_for_bit(command: str, folder: Path, tmp_path: Path) -> None:
    given = [command, str(folder), str(tmp_path), COUNT, *TINY, *RUNS[command]]
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.killing", *given],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{command}: {COUNT} killed among" in done.stdout and "0 with faults" in done.stdout
