"""--arch and --size: which networks they name, how large they are, and what cards keep."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch

import resources
from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.config import SIZES, SSMambaConfig
from ssmamba.errors import DataError
from ssmamba.models.vmamba import VMamba
from tests.training.conftest import NANO, TINY
from training import evaluate, finetune, pretrain
from training.backbones.architectures import (
    ABLATION_FIELDS,
    CONFIG_FIELDS,
    NOT_FLAGS,
    architecture,
    encoder_config,
    timm_arguments,
)
from training.cli.command import parse
from training.config import FinetuneConfig, PretrainConfig
from training.methods.pretraining import refuse_unfit

CONFIGS = resources.FOLDER / "configs"
MILLIONS = {"nano": 0.95, "tiny": 6.0, "small": 16.0, "base": 60.0}


@pytest.fixture(autouse=True)
def true_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "nano", NANO)


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


@pytest.mark.parametrize("arch", ["vit", "swin"])
def test_a_convolutional_stem_stands_in_for_the_patches(arch: str) -> None:
    """Of like size, and its features come from overlapping windows of the image."""
    plain, found = (
        architecture(named(arch, "nano")),
        architecture(named(arch, "nano", conv_stem=True)),
    )
    assert found.tags["arch"] == f"{arch}-stem" and "convolutional stem" in found.label
    model = found.build(3).eval()
    counts = [sum(p.numel() for p in m.parameters()) for m in (model, plain.build(3))]
    assert counts[0] == pytest.approx(counts[1], rel=0.03)
    image = torch.rand(1, 3, 224, 224)
    other = image.clone()
    other[..., :32, :32] += 1  # one corner: with patches it stays in the tokens that lie there
    far = 4 if arch == "vit" else 10  # tokens from the corner
    with torch.no_grad():
        stem = model.patch_embed
        first, second = stem(image), stem(other)
    width = 14 if arch == "vit" else 56
    moved = (first != second).reshape(width, width, -1).any(2)
    assert moved[32 * width // 224, 0] and not moved[far:, far:].any()


def test_a_convolutional_stem_is_refused_where_there_are_no_patches(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--conv-stem is for vit and swin, not resnet"):
        architecture(named("resnet", "nano", conv_stem=True))
    config = PretrainConfig(
        data=tmp_path, out=tmp_path, arch="vit", size="nano", conv_stem=True, method="mae"
    )
    with pytest.raises(DataError, match="a ViT with its patches"):  # hidden pixels would be seen
        refuse_unfit(config)


def test_unknown_names_are_answered_with_near_ones() -> None:
    with pytest.raises(DataError, match="did you mean 'vmamba'"):
        architecture(named("vmanba", "nano"))
    with pytest.raises(DataError, match="did you mean 'nano'"):
        architecture(named("swin", "nanno"))
    with pytest.raises(DataError, match="did you mean 'resnet18'"):
        architecture(named("timm:resnet_18", "nano"))


GRID, WINDOWS = {"img_size": 64}, {"img_size": 64, "window_size": 8}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vit_tiny_patch16_224", GRID),
        ("vit_relpos_small_patch16_224", GRID),
        ("deit_tiny_distilled_patch16_224", GRID),
        ("samvit_base_patch16", GRID),
        ("pit_ti_224", GRID),
        ("swin_tiny_patch4_window7_224", WINDOWS),
        ("swinv2_tiny_window8_256", WINDOWS),
        ("swinv2_cr_tiny_224", WINDOWS),
        ("pvt_v2_b0", {}),  # its name has "VisionTransformer" in it, but it reads any size
        ("resnet10t", {}),
        ("convnext_atto", {}),
    ],
)
def test_timm_models_of_each_family_read_the_window(name: str, arguments: dict[str, int]) -> None:
    assert timm_arguments(name, 64) == arguments
    config = FinetuneConfig(data=Path(), out=Path(), arch=f"timm:{name}", image_size=64)
    with torch.device("meta"):
        model = architecture(config).build(3)
        assert model(torch.empty(2, 3, 64, 64)).shape == (2, 3)


def test_no_field_of_the_encoder_is_without_a_flag() -> None:
    """A new field of SSMambaConfig is a flag, or NOT_FLAGS names it with the reason."""
    flags = {field.name for field in fields(FinetuneConfig)}
    assert {field.name for field in fields(SSMambaConfig)} - flags == set(NOT_FLAGS) - {"size"}
    assert set(ABLATION_FIELDS) == {"mixer", "embedding", "act", "pool"}  # what cards have as tags


@pytest.mark.parametrize("name", CONFIG_FIELDS)
def test_every_flag_of_the_encoder_reaches_it(name: str) -> None:
    other = {"mixer": "mamba", "embedding": "lpu", "act": "gelu", "pool": "cls", "kernels": (3, 5)}
    default = getattr(SSMambaConfig(), name)
    value = other[name] if name in other else not default if default is False else default + 1
    found = encoder_config(named("ssmamba", "nano", **{name: value}))
    assert getattr(found, name) == value != default


@pytest.mark.parametrize(
    "arch",
    ["vit", "resnet", *(pytest.param(a, marks=pytest.mark.slow) for a in ("vmamba", "swin"))],
)
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
    assert "omit --embedding" in capsys.readouterr().err
