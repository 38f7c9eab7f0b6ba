"""What runs share: balance, channel statistics, cards, and resuming only what was begun."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ssmamba.config import MAMIMConfig
from ssmamba.errors import DataError
from ssmamba.models import MaskedModel, random_unit_mask
from ssmamba.models.masked import visible_mean
from ssmamba.runtime.device import gpu_problem
from tests.training.conftest import TINY
from training import finetune
from training.runs import setup
from training.runs.card import base_card, channel_statistics
from training.config import FinetuneConfig
from training.data.dataset import load_dataset
from training.loop import fit as loop
from training.runs.setup import make_recipe, show_balance


def test_uneven_classes_are_warned_about(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    show_balance(load_dataset(data, 0, quiet=True))
    assert "uneven" not in capsys.readouterr().out
    for index in range(12):
        (data / "round" / f"{index:02d}.png").unlink()
    show_balance(load_dataset(data, 0, quiet=True))
    assert "classes are uneven (largest 14, smallest 5" in capsys.readouterr().out


def test_what_may_be_on_both_sides_of_the_split_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_balance(load_dataset(folder, 0, quiet=True))
    assert "one patient's images may be on both sides" in capsys.readouterr().out
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    paths = sorted(p.relative_to(data).as_posix() for p in data.rglob("*.png"))
    lines = [f"{path},{path.split('/')[0]},{path.split('.')[0][:-1]}" for path in paths]
    (data / "manifest.csv").write_text("\n".join(["path,label,group", *lines]))
    show_balance(load_dataset(data, 0, quiet=True))
    groups = len({line.split(",")[2] for line in lines})
    assert f"{groups} groups, each on one side of the split." in capsys.readouterr().out


@pytest.mark.skipif(gpu_problem() is None, reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_told_in_one_sentence() -> None:
    with pytest.raises(DataError, match=r"--accelerator cuda cannot be used: .*give --accelerator"):
        setup.make_fabric("cuda", "32-true")


def test_shards_and_loss_scaling_are_refused_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a process waits for another one."""
    monkeypatch.setattr(setup, "_device_type", lambda accelerator: "cuda")
    with pytest.raises(DataError, match="give --precision bf16-mixed, or --strategy ddp"):
        setup.make_fabric("auto", "16-mixed", "2", "fsdp")


def test_mixed_precision_leaves_what_the_model_is_given_as_it_is() -> None:
    """Rounded targets are another task than the one that validation scores."""
    model = Copy(nn.Identity(), MAMIMConfig(mask_unit=8, norm_target=True))
    torch.manual_seed(0)
    images, mask = 2.5 + torch.rand(4, 3, 32, 32) / 50, random_unit_mask(4, 32, 32, 0.75, 8)
    expected = model(images, mask)
    mixed = setup.make_fabric("cpu", "bf16-mixed").setup_module(model)
    torch.testing.assert_close(mixed(images, mask), expected, rtol=1e-6, atol=0)


class Copy(MaskedModel):
    """Predicts what it sees, and the visible mean; it has nothing to learn."""

    def reconstruct(
        self, images: torch.Tensor, unit_mask: torch.Tensor, hidden_units: int | None = None
    ) -> torch.Tensor:
        return images - visible_mean(images, unit_mask)


def test_scores_are_made_in_exact_float32(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps may round to TF32 on a GPU; what the card says and the predictor does may not."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    rounded: dict[str, bool] = {}

    def watch(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            rounded.setdefault(name, torch.backends.cudnn.allow_tf32)
            return real(*args, **kwargs)

        return watched

    for where, name in ((loop._Run, "_step"), (finetune, "_validate"), (finetune, "calibrate")):
        monkeypatch.setattr(where, name, watch(name, getattr(where, name)))
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, "--epochs", "1"]
    assert finetune.main(given) == 0
    assert rounded == {"_step": True, "_validate": False, "calibrate": False}


def test_channel_statistics_are_those_of_all_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 255, (300, 8, 8, 3), dtype=np.uint8)
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(std, (images / 255).std((0, 1, 2)), atol=1e-4)


def test_the_card_gives_the_scale_of_a_network_pixel(folder: Path, tmp_path: Path) -> None:
    info = tmp_path / "info.yaml"
    info.write_text("name: x\nmpp: 0.5\nstain: IHC\nclasses: {round: R, striped: S}")
    data = load_dataset(folder, 0, info, quiet=True)
    config = FinetuneConfig(data=folder, out=tmp_path, image_size=32)
    card = base_card(config, data, data.images("train", 48))
    assert card.input.mpp == pytest.approx(0.75)  # 48 px are fed as 32
    assert (card.input.stain, card.dataset["name"]) == ("IHC", "x")


def test_the_recipe_takes_the_data_sets_stains_unless_told(folder: Path, tmp_path: Path) -> None:
    info = tmp_path / "info.yaml"
    info.write_text("stain_basis: giemsa\nclasses: {round: R, striped: S}")
    data = load_dataset(folder, 0, info, quiet=True)
    config = FinetuneConfig(data=folder, out=tmp_path)
    assert make_recipe(config, data).stain.basis == "giemsa"
    told = FinetuneConfig(data=folder, out=tmp_path, stain_basis="he")
    assert make_recipe(told, data).stain.basis == "he"


def test_the_strategy_that_is_asked_for_is_the_one_that_trains(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(accelerator: str, precision: str, devices: str, strategy: str) -> None:
        asked.append(strategy)
        raise DataError("no device")

    monkeypatch.setattr(setup, "make_fabric", refuse)
    for strategy in ("ddp", "fsdp"):
        config = FinetuneConfig(data=folder, out=tmp_path / "run", strategy=strategy)
        with pytest.raises(DataError, match="no device"):
            setup.open_run(config)
    assert asked == ["ddp", "fsdp"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--arch", "vitt"], "did you mean 'vit'"),
        (["--size", "huge"], "Unknown model size 'huge'"),
        (["--freeze"], "give one with --init"),
        (["--cache-gib", "1e-9"], "raise --cache-gib"),
        (["--accumulate", "3"], "multiple of 6"),
        (["--devices", "x"], "--devices x must be a number from 1 on"),
        (["--devices", "0"], "--devices 0 must be a number from 1 on"),
        (["--accelerator", "gpus"], "choose auto, cpu or cuda"),
        (["--precision", "half"], "choose 32-true, bf16-mixed or 16-mixed"),
        (["--precision", "bf16-true"], "choose 32-true, bf16-mixed or 16-mixed"),
        (["--precision", "16-mixed", "--accelerator", "cpu"], "16-mixed needs a GPU"),
        (["--kernels", "[2]"], "--kernels [2] must be odd"),
    ],
)
def test_flags_that_do_not_fit_leave_no_folder(
    flags: list[str], told: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, *flags]
    assert finetune.main(given) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


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
