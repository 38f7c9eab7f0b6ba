"""MAE and contrastive pre-training: their runs, their cards, and what fine-tuning takes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.checkpoints.checkpoint import load_encoder
from ssmamba.config import MIMConfig
from ssmamba.models import MAE, SSMamba, ViTMAE
from tests.training.conftest import TINY
from tests.training.test_finetune import assert_same_weights, stop_at
from training import evaluate, finetune, pretrain
from training.config import PretrainConfig
from training.methods.masked import MAEMethod, MAMIMMethod
from training.methods.momentum import MomentumContrast

SMALL_MAE = ["--method", "mae", "--mask-unit", "16", "--decoder-dim", "32"]
CONTRAST = ["--method", "contrastive", "--bank", "16", "--positives", "2"]
VIT = ["--arch", "timm:vit_tiny_patch16_224"]


def run(folder: Path, out: Path, *more: str) -> int:
    return pretrain.main(["--data", str(folder), "--out", str(out), *TINY, *more])


def tune(folder: Path, out: Path, init: Path, *more: str) -> int:
    given = ["--data", str(folder), "--out", str(out), "--init", str(init)]
    return finetune.main([*given, *TINY, "--epochs", "1", *more])


def test_mae_of_ssmamba_has_a_plain_decoder_and_tunes(folder: Path, tmp_path: Path) -> None:
    assert run(folder, tmp_path / "mae", *SMALL_MAE, "--epochs", "1") == 0
    best = tmp_path / "mae" / "best.safetensors"
    found = checkpoint.load(best)
    assert isinstance(found.model, MAE) and isinstance(found.model.encoder, SSMamba)
    card = found.card
    assert (card.kind, card.pretraining, card.arch) == ("mae", "mae", "ssmamba")
    assert card.mamim is not None and not card.mamim["perturb"] and not card.classifies
    assert (card.training["steps"], card.training["images_seen"]) == (3, 24)
    assert {"psnr", "ssim"} <= card.metrics["test"]["model"].keys()
    assert tune(folder, tmp_path / "tuned", best) == 0
    tuned = read_card(tmp_path / "tuned" / "best.safetensors")
    assert (tuned.kind, tuned.pretraining, tuned.tags["pretraining"]) == (
        "classifier",
        "mae",
        "mae",
    )
    assert tuned.training["pretraining"]["steps"] == 3


@pytest.mark.slow  # what mamim and mamim+ go on with, the others have too
@pytest.mark.parametrize("flags", [[*SMALL_MAE, *VIT], CONTRAST])
def test_other_methods_go_on_exactly(folder: Path, tmp_path: Path, flags: list[str]) -> None:
    flags = [*flags, "--epochs", "2"]
    assert run(folder, tmp_path / "whole", *flags) == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_at(4, patch)
        assert run(folder, tmp_path / "parts", *flags) == 130
    assert run(folder, tmp_path / "parts", *flags, "--resume") == 0
    assert_same_weights(*(tmp_path / n / "best.safetensors" for n in ("whole", "parts")))


def test_mae_of_a_vit_tunes_frozen(folder: Path, tmp_path: Path) -> None:
    assert run(folder, tmp_path / "whole", *SMALL_MAE, *VIT, "--epochs", "1") == 0
    best = tmp_path / "whole" / "best.safetensors"
    found = checkpoint.load(best)
    assert isinstance(found.model, ViTMAE) and found.card.arch == "timm:vit_tiny_patch16_224"

    assert tune(folder, tmp_path / "tuned", best, "--freeze", "--lr", "1e-2") == 0
    encoder, _ = load_encoder(best)
    tuned = checkpoint.load(tmp_path / "tuned" / "best.safetensors")
    assert tuned.card.kind == "baseline" and tuned.card.training["frozen_encoder"]
    weights = tuned.model.state_dict()
    for name, value in encoder.state_dict().items():
        assert torch.equal(weights[name], value)
    assert weights["head.bias"].abs().max() > 0  # starts at zero in timm


def test_contrastive_moves_the_keys_once_a_step(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = []
    follow = MomentumContrast._follow
    monkeypatch.setattr(MomentumContrast, "_follow", lambda m: (moves.append(m), follow(m)))
    assert run(folder, tmp_path / "run", *CONTRAST, "--epochs", "1", "--accumulate", "2") == 0
    assert len(moves) == 3


def test_contrastive_keeps_the_backbone_and_tunes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path / "whole", *CONTRAST, "--epochs", "1") == 0
    state = torch.load(tmp_path / "whole" / "state.pt")["model"]
    assert state["kept"] > 0 and {"bank", "bank_rows", "key_projector.0.weight"} <= state.keys()
    best = tmp_path / "whole" / "best.safetensors"
    found = checkpoint.load(best)
    assert type(found.model) is SSMamba and not found.card.classifies
    card = found.card
    assert (card.kind, card.pretraining, card.mamim) == ("contrastive", "contrastive", None)
    assert (card.training["steps"], card.training["bank"]) == (3, 16)
    assert 0 <= card.metrics["test"]["matched"] <= 1 and card.metrics["test"]["n"] == 8

    assert evaluate.main([str(best), "--data", str(folder)]) == 2
    assert "has no classes" in capsys.readouterr().err
    assert tune(folder, tmp_path / "tuned", best) == 0
    assert read_card(tmp_path / "tuned" / "best.safetensors").pretraining == "contrastive"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--method", "mamim", *VIT], "--method mae or contrastive"),
        (["--method", "mamim", "--arch", "resnet"], "give --method contrastive."),
        (["--method", "mae", "--arch", "timm:resnet10t", "--mask-unit", "16"], "a ViT"),
        ([*SMALL_MAE[:2], *VIT, "--mask-unit", "8"], "whole patches of 16 px"),
        ([*SMALL_MAE, "--decoder-dim", "20"], "multiple of 32"),
        (["--image-size", "48", "--mask-unit", "16"], "give 32"),
        (["--method", "contrastive", "--temperature", "0"], "--temperature 0 must be above 0."),
        (["--method", "contrastive", "--bank", "4"], "fewer than --bank"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_folder_is_made(
    flags: list[str], words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path / "run", *flags) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_normalised_target_is_not_predicted_from_the_visible_colour() -> None:
    """Each unit's own mean is gone from it, so an offset of the whole picture only disturbs."""
    given = {"data": Path(), "out": Path()}
    assert MAMIMMethod.masking(PretrainConfig(**given)).from_mean  # type: ignore[arg-type]
    normalised = PretrainConfig(**given, norm_target=True)  # type: ignore[arg-type]
    assert not MAMIMMethod.masking(normalised).from_mean


def test_freezing_needs_a_trained_backbone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert finetune.main(["--data", str(folder), "--out", str(out), *TINY, "--freeze"]) == 2
    assert "give one with --init" in capsys.readouterr().err


def test_no_field_of_masking_is_forgotten() -> None:
    """A new field of MIMConfig is a flag of pre-training, or each method gives it itself."""
    flags = {field.name for field in fields(PretrainConfig)}
    assert {field.name for field in fields(MIMConfig)} - flags == {"from_mean", "stain"}


@pytest.mark.parametrize(
    "name", [f.name for f in fields(MIMConfig) if hasattr(PretrainConfig, f.name)]
)
def test_flags_of_masking_reach_the_model(name: str) -> None:
    default = getattr(MIMConfig, name)
    other = {"mask_ratio": 0.5, "decoder_mixer": "none", "mask_unit": 16}
    value = other[name] if name in other else default + 1 if type(default) is int else not default
    flags = {name: value}
    config = PretrainConfig(data=Path(), out=Path(), **flags)  # type: ignore[arg-type]
    assert getattr(MAMIMMethod.masking(config), name) == value != default
    defaults = PretrainConfig(data=Path(), out=Path())
    assert getattr(MAMIMMethod.masking(defaults), name) == default


def test_mae_has_neither_skips_nor_perturbation() -> None:
    found = MAEMethod.masking(PretrainConfig(data=Path(), out=Path(), mask_ratio=0.5), "he")
    assert (found.mask_ratio, found.decoder_mixer, found.stain) == (0.5, "attention", "none")
    assert not (found.skips or found.perturb or found.from_mean)
