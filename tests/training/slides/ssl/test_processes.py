"""Self-supervised training killed and continued, and shared by two processes. Of 24 layers."""

import json
import os
import sys

import pytest
import torch

from tests.training.killing import assert_killed_runs_end_equal, without_seconds
from tests.training.slides.cohorts import write_cohort
from tests.training.test_distributed import torchrun
from training import slide_pretrain

FLAGS = ["--window", "8", "--epochs", "2", "--warmup-epochs", "1", "--batch-size", "4",
         "--predictor-dim", "32", "--prototypes", "16", "--head-dim", "16", "--val-share", "0.4",
         "--local-views", "2", "--accelerator", "cpu"]  # fmt: skip
COUNT = os.environ.get("SSMAMBA_KILLS", "3")  # 100 for a release
METHODS = ["latentmim", "dino"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 8)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")
@pytest.mark.parametrize("method", METHODS)
def test_a_killed_training_resumes_bit_for_bit(method, cohort, tmp_path):
    given = ["slide_pretrain", str(cohort), str(tmp_path), COUNT, *FLAGS, "--method", method]
    assert_killed_runs_end_equal("tests.training.killing", given, COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_two_processes_end_as_one_does(method, cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")
    flags = ["--cohort", str(cohort), *FLAGS, "--method", method, "--lr", "1e-3"]
    assert slide_pretrain.main([*flags, "--out", str(tmp_path / "one")]) == 0
    torchrun([("slide_pretrain", [*flags, "--out", str(tmp_path / "two")], 0)])
    one, two = (
        torch.load(tmp_path / name / "state.pt", weights_only=True)["model"]
        for name in ("one", "two")
    )
    gaps = [(one[name].double() - two[name].double()).abs().flatten() for name in one]
    assert torch.cat(gaps).mean() < 1e-6  # the teacher and DINO's centre among them
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    for mine, theirs in zip(*([without_seconds(json.loads(x)) for x in log] for log in logs),
                            strict=True):  # fmt: skip
        for name, value in mine["watched"].items():
            assert value == pytest.approx(theirs["watched"][name], abs=1e-3), name
