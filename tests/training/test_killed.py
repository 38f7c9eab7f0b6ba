"""A training that is killed at any of its file operations ends, resumed, as if it had not been."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.training.conftest import TINY
from tests.training.killing import assert_killed_runs_end_equal

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
    assert_killed_runs_end_equal("tests.training.killing", given, COUNT)
