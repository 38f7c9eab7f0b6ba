"""--arch and --size: which networks they name, how large they are, and what cards keep."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssmamba import checkpoint
from ssmamba.card import read_card
from ssmamba.errors import DataError
from ssmamba.models.vmamba import VMamba
from tests.training.conftest import TINY
from training import evaluate, finetune, pretrain
from training.architectures import architecture
from training.command import parse
from training.config import FinetuneConfig

CONFIGS = Path(__file__).parents[2] / "resources" / "configs"
MILLIONS = {"nano": 0.95, "tiny": 6.0, "small": 16.0, "base": 60.0}


def named(arch: str, size: str, **more: object) -> FinetuneConfig:
    return FinetuneConfig(data=Path(), out=Path(), arch=arch, size=size, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", list(MILLIONS))
@pytest.mark.parametrize("arch", ["ssmamba", "vmamba", "vit", "swin", "resnet"])
def test_backbones_of_one_size_have_like_parameters(arch: str, size: str) -> None:
    found = architecture(named(arch, size))
    with torch.device("meta"):
        model = found.build()
    count = sum(p.numel() for p in model.parameters()) / 1e6
    assert count == pytest.approx(MILLIONS[size], rel=0.12)


@pytest.mark.parametrize("more", [(), ("study-pbc", "study-directions")])
@pytest.mark.parametrize("arch", ["ssmamba", "vmamba", "vit", "swin", "resnet"])
def test_the_baselines_of_the_comparison_over_seeds_are_of_ssmambas_size(
    arch: str, more: tuple[str, ...]
) -> None:
    recipes = [CONFIGS / f"{name}.yaml" for name in ("study", "study-seeds", *more)]
    given = ["--data", "x", "--out", "y", "--arch", arch]
    given += [part for recipe in recipes for part in ("--config", str(recipe))]
    config = parse(FinetuneConfig, given, "finetune", recipe="paper")
    with torch.device("meta"):
        model = architecture(config).build()
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(1.3e6, rel=0.04)


def test_unknown_names_are_answered_with_near_ones() -> None:
    with pytest.raises(DataError, match="did you mean 'vmamba'"):
        architecture(named("vmanba", "nano"))
    with pytest.raises(DataError, match="did you mean 'nano'"):
        architecture(named("swin", "nanno"))
    with pytest.raises(DataError, match="did you mean 'resnet18'"):
        architecture(named("timm:resnet_18", "nano"))


@pytest.mark.parametrize("arch", ["vmamba", "vit", "swin", "resnet"])
def test_a_named_baseline_is_trained_and_loads_again(
    arch: str, folder: Path, tmp_path: Path
) -> None:
    given = ["--data", str(folder), *TINY, "--image-size", "64", "--arch", arch]
    out = tmp_path / "run"
    assert finetune.main([*given, "--out", str(out), "--epochs", "1"]) == 0
    best = out / "best.safetensors"
    card = read_card(best)
    assert card.kind == "baseline" and card.tags["arch"] == arch
    assert card.name.lower().endswith(f"{arch} nano")
    assert evaluate.main([str(best), "--data", str(folder), "--resamples", "10"]) == 0


def test_vmamba_with_dms_is_pre_trained_by_mamim_and_tuned(folder: Path, tmp_path: Path) -> None:
    given = ["--data", str(folder), *TINY, "--epochs", "1"]
    flags = ["--arch", "vmamba", "--mixer", "dms", "--mask-unit", "8", "--decoder-dim", "32"]
    assert pretrain.main([*given, *flags, "--out", str(tmp_path / "pre")]) == 0
    best = tmp_path / "pre" / "best.safetensors"
    assert read_card(best).arch == "vmamba"
    assert finetune.main([*given, "--out", str(tmp_path / "run"), "--init", str(best)]) == 0
    tuned = checkpoint.load(tmp_path / "run" / "best.safetensors")
    assert type(tuned.model) is VMamba
    assert (tuned.card.arch, tuned.card.pretraining) == ("vmamba", "mamim")
    assert tuned.card.tags["mixer"] == "dms" and "embedding" not in tuned.card.tags


def test_flags_that_do_not_fit_a_backbone_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(folder), *TINY, "--out", str(tmp_path / "run")]
    assert finetune.main([*given, "--arch", "vmamba", "--embedding", "lpr"]) == 2
    assert "leave --embedding away" in capsys.readouterr().err
