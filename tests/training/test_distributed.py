"""Several processes, and several passes a step, end where one process ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from tests.patience import PATIENCE_S
from tests.training.conftest import TINY
from training import finetune, pretrain

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {"pretrain": pretrain.main, "finetune": finetune.main}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
Runs = list[tuple[str, list[str], int]]  # command, flags, step at which it is stopped


def runs(folder: Path, out: Path) -> Runs:
    """A pre-training and a fine-tuning from it, with BatchNorm, Mixup, EMA and clipping."""
    shared = [*flags_for(folder), "--lr", "1e-3"]
    first = [*shared, "--out", str(out / "pretrain"), "--mask-unit", "16"]
    init = ["--init", str(out / "pretrain" / "best.safetensors")]
    second = [*shared, "--out", str(out / "finetune"), "--mixup", "0.5", "--ema-decay", "0.9"]
    return [("pretrain", first, 0), ("finetune", [*second, *init], 0)]


def flags_for(folder: Path, epochs: int = 1) -> list[str]:
    """Three steps an epoch."""
    return ["--data", str(folder), *TINY, "--accelerator", "cpu", "--epochs", str(epochs)]


def torchrun(commands: Runs) -> None:
    """Run them in two processes, which do not outlive the test."""
    arguments = [*TORCHRUN, "-m", "tests.training.two_processes", json.dumps(commands)]
    with subprocess.Popen(
        arguments, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            _, errors = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # torchrun passes it on
            raise
    assert process.returncode == 0, errors[-3000:]
    assert "Traceback" not in errors


def assert_alike(first: Path, second: Path) -> None:
    """Equal but for rounding, which AdamW makes large where a gradient is all but zero.

    Seen: a mean difference of 1e-8; with statistics of each process by itself 1e-3.
    """
    one, two = (checkpoint.load(path).model.state_dict() for path in (first, second))
    gaps = [(value.double() - two[name].double()).abs().flatten() for name, value in one.items()]
    assert torch.cat(gaps).mean() < 1e-6


@pytest.fixture(scope="module")
def alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMAMBA_SCAN", "torch")
        for name, flags, _ in runs(folder, out):
            assert COMMANDS[name](flags) == 0
    return out


def test_two_processes_end_as_one_does(folder: Path, alone: Path, tmp_path: Path) -> None:
    torchrun(runs(folder, tmp_path))
    assert_same_runs(alone, tmp_path, ("pretrain", "finetune"))


@pytest.mark.slow
def test_two_processes_tell_an_image_from_those_of_both(folder: Path, tmp_path: Path) -> None:
    """Contrastive pre-training; a bank of two steps, so that look-alikes are mined."""
    flags = [*flags_for(folder, epochs=2), "--method", "contrastive", "--lr", "1e-3"]
    flags += ["--bank", "16", "--embedding", "lpu"]
    assert pretrain.main([*flags, "--out", str(tmp_path / "one" / "contrast")]) == 0
    torchrun([("pretrain", [*flags, "--out", str(tmp_path / "two" / "contrast")], 0)])
    assert_same_runs(tmp_path / "one", tmp_path / "two", ("contrast",))


def assert_same_runs(first: Path, second: Path, names: tuple[str, ...]) -> None:
    for name in names:
        pair = [root / name for root in (first, second)]
        assert_alike(*(run / "last.safetensors" for run in pair))
        one, two = (read_card(run / "last.safetensors").training for run in pair)
        assert all(one[key] == two[key] for key in ("steps", "images_seen", "batch_size"))
        losses = [[line["loss"] for line in log_of(run)] for run in pair]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_stopped_in_one_process_and_gone_on_with_in_both(
    folder: Path, alone: Path, tmp_path: Path, strategy: str
) -> None:
    """Ctrl-C in the middle of an epoch; FSDP puts its shards together to store them."""
    commands: Runs = []
    for name, flags, _ in runs(folder, tmp_path):
        given = [*flags, "--strategy", strategy]
        commands += [(name, given, 1), (name, [*given, "--resume"], 0)]
    torchrun(commands)
    assert_same_runs(alone, tmp_path, ("pretrain", "finetune"))


@pytest.mark.slow
def test_shards_in_two_passes(folder: Path, tmp_path: Path) -> None:
    """LPU has no BatchNorm, so passes and processes make no difference at all."""
    shared = [*flags_for(folder), "--embedding", "lpu", "--mask-unit", "16", "--lr", "1e-3"]
    assert pretrain.main([*shared, "--out", str(tmp_path / "one")]) == 0
    more = ["--strategy", "fsdp", "--accumulate", "2", "--out", str(tmp_path / "two")]
    torchrun([("pretrain", [*shared, *more], 0)])
    assert_alike(*(tmp_path / n / "last.safetensors" for n in ("one", "two")))


def log_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def accumulated(folder: Path, out: Path, passes: int, embedding: str) -> Path:
    flags = [*flags_for(folder), "--out", str(out), "--mixup", "0.5"]
    more = ["--embedding", embedding, "--accumulate", str(passes)]
    assert finetune.main([*flags, *more]) == 0
    return out / "last.safetensors"


def test_passes_make_the_same_step_but_for_batchnorm(folder: Path, tmp_path: Path) -> None:
    """LPU has no BatchNorm; LPR's sees one pass at a time."""
    for embedding in ("lpu", "lpr"):
        paths = [accumulated(folder, tmp_path / f"{embedding}{n}", n, embedding) for n in (1, 2)]
        if embedding == "lpu":
            assert_alike(*paths)
        else:
            with pytest.raises(AssertionError):
                assert_alike(*paths)


def test_a_batch_that_cannot_be_shared_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(folder), *TINY, "--out", str(tmp_path / "run"), "--accumulate", "3"]
    assert finetune.main([*flags, "--epochs", "1"]) == 2
    assert "multiple of 6" in capsys.readouterr().err
