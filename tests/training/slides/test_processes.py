"""Training on slides killed, stopped and continued, and shared by two processes. Eight layers."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from ssmamba.checkpoints.checkpoint import load_slide_model
from tests.patience import PATIENCE_S
from tests.training.killing import assert_killed_runs_end_equal
from tests.training.slides.cohorts import write_cohort
from tests.training.test_distributed import torchrun
from training import slide_finetune

FLAGS = ["--model", "pixel-mamba-mini", "--window", "8", "--epochs", "2", "--warmup-epochs", "1",
         "--batch-size", "2", "--lr", "1e-3", "--folds", "3", "--only-fold", "0", "--resamples",
         "20", "--accelerator", "cpu"]  # fmt: skip
COUNT = os.environ.get("SSMAMBA_KILLS", "3")  # 100 for a release


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 12)


def weights(run, name="last"):
    return load_slide_model(run / "fold-0" / f"{name}.safetensors").model.state_dict()


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")
def test_a_killed_training_resumes_bit_for_bit(cohort, tmp_path):
    given = ["slide_finetune", str(cohort), str(tmp_path), COUNT, *FLAGS]
    assert_killed_runs_end_equal("tests.training.killing", given, COUNT)


@pytest.mark.slow
def test_two_processes_end_as_one_does_also_after_ctrl_c(cohort, tmp_path, monkeypatch):
    """Ctrl-C reaches the second process in the third step; both stop, and --resume goes on."""
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")
    flags = ["--cohort", str(cohort), *FLAGS]
    assert slide_finetune.main([*flags, "--out", str(tmp_path / "one")]) == 0
    two, stopped = tmp_path / "two", tmp_path / "stopped"
    again = [*flags, "--out", str(stopped), "--resume"]
    torchrun(
        [
            ("slide_finetune", [*flags, "--out", str(two)], 0),
            ("slide_finetune", [*flags, "--out", str(stopped)], 2),
            ("slide_finetune", again, 0),
        ]
    )
    for name in ("last", "best"):
        one, other = weights(tmp_path / "one", name), weights(two, name)
        gaps = [(one[key].double() - other[key].double()).abs().flatten() for key in one]
        assert torch.cat(gaps).mean() < 1e-6
        assert all(torch.equal(value, other[key]) for key, value in weights(stopped, name).items())
    results = [json.loads((run / "results.json").read_text()) for run in (tmp_path / "one", two)]
    assert results[0]["folds"]["0"]["nll"] == pytest.approx(results[1]["folds"]["0"]["nll"], 1e-3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one process")
@pytest.mark.parametrize("command", ["slide_finetune", "slide_pretrain"])
def test_ctrl_c_leaves_a_checkpoint_that_loads(command, cohort, tmp_path):
    """The command itself, in a process of its own, with many epochs to go."""
    out = tmp_path / "run"
    own = {
        "slide_finetune": FLAGS,
        "slide_pretrain": ["--model", "pixel-mamba-mini", "--window", "8", "--batch-size", "4",
                           "--predictor-dim", "32", "--alpha", "0", "--accelerator", "cpu"],
    }[command]  # fmt: skip
    given = ["--cohort", str(cohort), "--out", str(out), *own, "--epochs", "500"]
    with subprocess.Popen(
        [sys.executable, "-m", f"training.{command}", *given], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            next(line for line in process.stdout if "epoch 1/500" in line)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130 and "--resume to continue" in said
    folder = out / "fold-0" if command == "slide_finetune" else out
    assert load_slide_model(folder / "last.safetensors").model is not None
