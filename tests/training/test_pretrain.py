"""MAMIM pre-training: its checkpoint, both sets of statistics, and what fine-tuning takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.checkpoints.checkpoint import CLEAN_BN, load_encoder
from ssmamba.models import MAMIM
from tests.training.conftest import TINY
from training import finetune, pretrain
from training.backbones.architectures import architecture
from training.cli.command import parse
from training.config import PretrainConfig
from training.data.dataset import load_dataset
from training.methods import METHODS
from training.methods.pretraining import load_material

FLAGS = ["--mask-unit", "8", "--decoder-dim", "32", "--epochs", "2"]


def run(folder: Path, out: Path, *more: str) -> int:
    return pretrain.main(["--data", str(folder), "--out", str(out), *TINY, *FLAGS, *more])


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pretrain") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMAMBA_SCAN", "torch")
        assert run(folder, out, "--lr", "2e-3") == 0
    return out


def test_the_card_tells_scores_beside_simple_fills(trained: Path) -> None:
    card = read_card(trained / "best.safetensors")
    assert (card.kind, card.pretraining) == ("mamim", "mamim")
    assert card.mamim is not None and card.mamim["mask_unit"] == 8
    assert (card.training["steps"], card.training["images_seen"]) == (6, 48)
    test = card.metrics["test"]
    assert test["n"] == 8
    for name in ("model", "visible_mean", "inpainting"):
        assert 5 < test[name]["psnr"] < 50 and -1 < test[name]["ssim"] < 1
    assert {"loss", "psnr", "ssim"} <= card.metrics["val"].keys()
    assert len(card.training_hashes) == 32


def test_clean_statistics_differ_from_masked_ones(trained: Path) -> None:
    found = checkpoint.load(trained / "best.safetensors")
    assert isinstance(found.model, MAMIM)
    masked = dict(found.model.encoder.named_buffers())
    clean = {k.removeprefix(CLEAN_BN): v for k, v in found.extra.items() if k.startswith(CLEAN_BN)}
    assert clean and clean.keys() <= masked.keys()
    assert any(not torch.allclose(value, masked[name]) for name, value in clean.items())


def test_fine_tuning_starts_from_the_clean_encoder(
    trained: Path, folder: Path, tmp_path: Path
) -> None:
    init = trained / "best.safetensors"
    arguments = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY]
    more = ["--epochs", "1", "--lr", "1e-12", "--weight-decay", "0", "--init", str(init)]
    assert finetune.main([*arguments, *more]) == 0
    encoder, pretrained = load_encoder(init)
    tuned = checkpoint.load(tmp_path / "run" / "best.safetensors")
    weights = tuned.model.state_dict()
    for name, value in encoder.named_parameters():
        torch.testing.assert_close(weights[name], value, atol=1e-6, rtol=0)
    card = tuned.card
    assert card.pretraining == "mamim" and card.tags["pretraining"] == "mamim"
    assert card.parent_sha256 == checkpoint.load(init).sha256
    assert card.input.mean == pretrained.input.mean
    assert card.training["pretraining"]["steps"] == pretrained.training["steps"] == 6
    assert set(pretrained.training_hashes) <= set(card.training_hashes)


def test_an_encoder_that_saw_test_images_is_refused(
    trained: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, "--split-seed", "1"]
    assert finetune.main([*arguments, "--init", str(trained / "best.safetensors")]) == 2
    assert "use the same --split-seed" in capsys.readouterr().err


def test_flags_that_do_not_fit_the_encoder_are_refused(
    trained: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, "--mixer", "mamba"]
    assert finetune.main([*arguments, "--init", str(trained / "best.safetensors")]) == 2
    assert "a different architecture" in capsys.readouterr().err


def test_a_mask_unit_that_does_not_fit_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, told in (
        (["--mask-unit", "24"], "give 96, or a --mask-unit of 16 or 32."),
        (["--mask-unit", "30"], "choose 16 or 32."),
        (["--mask-unit", "16", "--image-size", "50"], "must be a multiple of 32"),
        (["--mask-unit", "16", "--image-size", "50"], "give 32 or 64."),
    ):
        assert run(folder, tmp_path / "run", *flags) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_target_is_clean_and_the_input_is_not(folder: Path) -> None:
    arguments = ["--data", str(folder), "--out", "unused", *TINY, *FLAGS]
    config = parse(PretrainConfig, arguments, "pretrain")
    method = METHODS["mamim"](
        load_material(config, load_dataset(folder, 0, quiet=True), architecture(config))
    )
    batch = method.make_batch(np.arange(8), np.random.default_rng(0))
    assert batch.images.shape == batch.target.shape == (8, 3, 32, 32)
    assert batch.mask.shape == (8, 4, 4) and batch.mask.float().mean() == 0.75
    assert not torch.equal(batch.images, batch.target)
    given: list[Any] = []
    method.loss(lambda *arguments: given.extend(arguments), batch, torch.device("cpu"))
    assert given[3] == 12  # of 16 units
