"""Fine-tuning from the command line: its files, its card, exact resume, clean stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import InputSpec, read_card
from ssmamba.reading.values import Trust
from tests.patience import PATIENCE_S
from tests.ssmamba.checkpoints.made import save_mamim
from tests.training.conftest import TINY
from training import finetune as command
from training.loop import batches, fit
from training.methods import supervised
from training.methods.supervised import balancing_weights

PERTURBED = ["--drop-path", "0.2", "--ema-decay", "0.9", "--mixup", "0.5"]


def run(folder: Path, out: Path, *more: str) -> int:
    return command.main(["--data", str(folder), "--out", str(out), *TINY, *more])


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(path).model.state_dict()


def assert_same_weights(first: Path, second: Path) -> None:
    one, two = weights(first), weights(second)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def searched(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs with two learning rates."""
    out = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMAMBA_SCAN", "torch")
        rates = ["--lrs", "1e-3,1e-5", "--tags", '{"trial": "x"}']
        assert run(folder, out, "--epochs", "2", *rates, "--label-smoothing", "0.1") == 0
    return out


def test_the_run_folder_holds_what_is_promised(searched: Path) -> None:
    for name in ("config.yaml", "split.csv", "best.safetensors", "last.safetensors"):
        assert (searched / name).is_file()
    config = yaml.safe_load((searched / "config.yaml").read_text())["finetune"]
    assert config["epochs"] == 2 and config["lrs"] == "1e-3,1e-5"
    log = [json.loads(line) for line in (searched / "log.jsonl").read_text().splitlines()]
    assert [(record["peak_lr"], record["epoch"]) for record in log] == [
        (1e-3, 1),
        (1e-3, 2),
        (1e-5, 1),
        (1e-5, 2),
    ]
    assert {"loss", "lr", "val", "seconds"} <= log[0].keys()
    stages = [record["parts"]["stage 4"] for record in log]
    assert 0 < stages[0]["moved"] < stages[1]["moved"] and stages[0]["gradient"] > 0
    assert stages[3]["moved"] < 0.1 * stages[1]["moved"]  # a hundredth of the learning rate
    assert (searched / "parts.png").stat().st_size
    assert not list(searched.rglob("*.partial"))


def test_the_card_is_complete(searched: Path, folder: Path) -> None:
    card = read_card(searched / "best.safetensors")
    assert (card.kind, card.arch, card.pretraining) == ("classifier", "ssmamba", "none")
    assert [(c.key, c.name) for c in card.classes] == [("round", "Round"), ("striped", "Striped")]
    assert (card.input.window_px, card.input.source_px, card.input.mpp) == (32, 48, None)
    assert all(0.2 < m < 1.0 for m in card.input.mean) and all(0 < s < 0.5 for s in card.input.std)
    assert len(card.training_hashes) == 28 + 4
    assert card.dataset["counts"]["test"] == {"round": 4, "striped": 4}
    assert card.tags["mixer"] == "dms" and card.tags["trial"] == "x"
    assert {"torch", "python", "numpy"} <= card.versions.keys()
    assert card.metrics["test"]["n"] == 8 and 0 <= card.metrics["test"]["unsure"] <= 1
    assert {"macro_f1", "accuracy", "nll"} <= card.metrics["val"].keys()
    assert card.calibration.temperature > 0
    assert card.calibration.entropy_limit is not None
    pointing = card.metrics["cam"]["pointing"]
    assert list(pointing) == ["1", "2", "3", "4"] and pointing[str(card.cam_stage)] > 0
    assert card.calibration.distance_limit is not None and card.calibration.distance_limit > 0


def test_the_card_tells_the_budget_and_every_rate_tried(searched: Path) -> None:
    training = read_card(searched / "best.safetensors").training
    assert (training["steps"], training["images_seen"], training["epochs"]) == (6, 48, 2)
    tried = {entry["lr"]: entry["macro_f1"] for entry in training["lrs_tried"]}
    assert set(tried) == {1e-3, 1e-5}
    assert tried[training["lr"]] == max(tried.values())


def test_the_engine_can_judge_with_what_is_stored(searched: Path) -> None:
    from ssmamba.inference.judge import Judge

    found = checkpoint.load(searched / "best.safetensors")
    count = 2 * sum(found.card.config["dims"][:2])  # style of the first two stages
    assert found.extra["trust.mean"].shape == (2, count)
    assert found.extra["trust.precision"].shape == (count, count)
    judge = Judge(found.card, found.extra)
    style = found.extra["trust.mean"][:1] + 1000
    far = torch.cat([style, torch.zeros(1, found.card.config["dims"][-1])], 1).numpy()
    judge.add(torch.randint(0, 255, (1, 32, 32, 3), dtype=torch.uint8).numpy(), far)
    verdict = judge.verdict([0.99, 0.01])
    assert isinstance(verdict, Trust) and not verdict.sure


def test_a_used_folder_is_not_written_over(
    searched: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, searched, "--epochs", "2") == 2
    assert "give --resume" in capsys.readouterr().err


def test_resume_with_other_values_is_refused(
    searched: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = ["--lrs", "1e-3,1e-5", "--label-smoothing", "0.1"]
    assert run(folder, searched, "--epochs", "3", "--resume", *rates) == 2
    assert "--epochs was 2" in capsys.readouterr().err


def stop_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Send Ctrl-C to this process while the given step is at work."""
    original = fit.Fit._step

    def with_signal(self, batch):  # type: ignore[no-untyped-def]
        value = original(self, batch)
        if self.outcome.step == step:
            os.kill(os.getpid(), signal.SIGINT)
        return value

    patch.setattr(fit.Fit, "_step", with_signal)


def test_a_stopped_and_resumed_run_ends_with_the_same_weights(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = ["--epochs", "2", *PERTURBED]
    assert run(folder, whole, *flags) == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_at(4, patch)  # in the middle of the second epoch
        assert run(folder, parts, *flags) == 130
    assert "--resume" in capsys.readouterr().out
    stopped = checkpoint.load(parts / "last.safetensors")  # loadable as it is
    assert stopped.card.training["steps"] == 5
    assert run(folder, parts, *flags, "--resume") == 0
    for name in ("last.safetensors", "best.safetensors"):
        assert_same_weights(whole / name, parts / name)
    first, second = (read_card(p / "best.safetensors") for p in (whole, parts))
    assert first.calibration == second.calibration and first.metrics == second.metrics
    assert first.training["images_seen"] == second.training["images_seen"] == 48


def test_a_search_stopped_in_its_second_rate_goes_on_there(folder: Path, tmp_path: Path) -> None:
    flags = ["--epochs", "1", "--lrs", "1e-3,1e-4"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(folder, whole, *flags) == 0
    original, calls = fit.Fit._step, []

    def stop_in_second(self, batch):  # type: ignore[no-untyped-def]
        calls.append(self.schedule.lr)
        if calls == [1e-3] * 3 + [1e-4]:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit.Fit, "_step", stop_in_second)
        assert run(folder, parts, *flags) == 130
        assert checkpoint.load(parts / "last.safetensors").card.training["lr"] == 1e-4
        assert run(folder, parts, *flags, "--resume") == 0
    assert calls == [1e-3] * 3 + [1e-4] * 3  # the first rate was not trained again
    assert_same_weights(whole / "best.safetensors", parts / "best.safetensors")


def test_pixels_are_normalised_as_in_pre_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training, validation and evaluation, whatever the new images' own statistics are."""
    mean, std, used = (0.31, 0.42, 0.53), (0.14, 0.25, 0.36), set()
    spec = InputSpec(window_px=32, source_px=48, mean=mean, std=std)
    init = save_mamim(tmp_path / "init.safetensors", spec)
    for module in (supervised, batches):

        def recorded(images, spec, original=module.to_tensor):  # type: ignore[no-untyped-def]
            used.add((spec.mean, spec.std))
            return original(images, spec)

        monkeypatch.setattr(module, "to_tensor", recorded)
    assert run(folder, tmp_path / "run", "--epochs", "1", "--init", str(init)) == 0
    card = read_card(tmp_path / "run" / "best.safetensors")
    assert (card.input.mean, card.input.std) == (mean, std) and used == {(mean, std)}


def test_other_seeds_end_with_other_weights(folder: Path, tmp_path: Path) -> None:
    """The comparison above can fail."""
    for seed in ("0", "1"):
        assert run(folder, tmp_path / seed, "--epochs", "1", "--seed", seed) == 0
    one, two = (weights(tmp_path / s / "last.safetensors") for s in ("0", "1"))
    assert any(not torch.equal(one[name], two[name]) for name in one)


def test_few_labels_are_drawn_by_seed(folder: Path, tmp_path: Path) -> None:
    drawn = []
    for seed in ("0", "1"):
        out = tmp_path / seed
        assert run(folder, out, "--epochs", "1", "--labels-a-class", "4", "--seed", seed) == 0
        card = read_card(out / "best.safetensors")
        assert card.dataset["counts"]["train"] == {"round": 4, "striped": 4}
        assert card.metrics["test"]["n"] == 8 and card.training["images_seen"] == 8
        drawn.append(set(card.training_hashes))
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--lrs", "fast"], "must be numbers"),
        (["--lr", "-1"], "above 0"),
        (["--arch", "timm:resnet10"], "did you mean 'resnet10t'"),
        (["--arch", "resnet10t"], "timm's models are timm:NAME"),
        (["--init", "gone.safetensors"], "no model file"),
        (["--size", "huge"], "Unknown model size"),
        (["--accelerator", "abacus"], "choose one of auto, cpu, cuda, gpu, mps"),
    ],
)
def test_bad_flags_give_one_sentence_and_write_nothing(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    expected: str,
) -> None:
    out = tmp_path / "run"
    assert run(folder, out, "--epochs", "1", *flags) == 2
    error = capsys.readouterr().err
    assert expected in error and error.startswith("error: ") and "Traceback" not in error
    assert not list(out.glob("*.safetensors"))


def test_class_weights_favour_the_rare_class() -> None:
    found = balancing_weights(np.array([0, 0, 0, 1]), classes=2)
    torch.testing.assert_close(found, torch.tensor([0.5, 1.5]))


@pytest.mark.slow
def test_ctrl_c_on_the_command(folder: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, "--epochs", "5000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "training.finetune", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not (tmp_path / "run" / "log.jsonl").is_file() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "Stopped." in out and "Traceback" not in err
    assert "Stopping after this step" in err
    assert checkpoint.load(tmp_path / "run" / "last.safetensors").card.training["steps"] > 0
