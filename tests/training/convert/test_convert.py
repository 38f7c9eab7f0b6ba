"""Weight files of published encoders: every tensor accounted for, and what they give."""

from __future__ import annotations

import argparse
import pickle
import re
import runpy
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.errors import CheckpointError
from ssmamba.explain.cam import cam_maps
from ssmamba.inference.predictor import Predictor
from ssmamba.models.foundation import ADAPTERS
from tests.training.conftest import TINY
from tests.training.published import shapes, small, values
from training import finetune
from training.convert import __main__ as command
from training.convert.weight_files import checked, read_tensors

NAMES = list(ADAPTERS)


def converted(name: str, seed: int = 0) -> tuple[nn.Module, dict[str, Tensor]]:
    """A small encoder with random published weights, and these weights."""
    adapter, published = small(name), values(shapes(name, full=False), seed)
    model = adapter.build(adapter.arguments, 0)
    model.load_state_dict(checked(adapter, published, Path("w.bin")))
    return model.eval(), published


@pytest.fixture
def small_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command and the loader know the small ones."""
    for name in NAMES:
        monkeypatch.setitem(ADAPTERS, name, small(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_published_file_fits_name_by_name_at_full_size(name: str) -> None:
    published = {
        key: torch.empty(shape, device="meta") for key, shape in shapes(name, full=True).items()
    }
    adapter = ADAPTERS[name]
    weights = checked(adapter, published, Path("weights.bin"))
    with torch.device("meta"):
        own = adapter.build(adapter.arguments, 0).state_dict()
    assert {k: v.shape for k, v in weights.items()} == {k: v.shape for k, v in own.items()}


@pytest.mark.parametrize("name", ["conch", "ctranspath", "musk"])
def test_a_tensor_too_few_too_many_or_of_another_shape_is_named(
    name: str, small_adapters: None
) -> None:
    adapter, published = small(name), values(shapes(name, full=False))
    needed = next(k for k in published if k.endswith(("blocks.0.norm1.bias", "layer_norm.A.bias")))
    without = {k: v for k, v in published.items() if k != needed}
    with pytest.raises(CheckpointError, match="1 tensor missing"):
        checked(adapter, without, Path("w.bin"))
    with pytest.raises(CheckpointError, match=r"1 tensor unknown, first '.*surprise'"):
        checked(adapter, {**published, "surprise": torch.zeros(1)}, Path("w.bin"))
    longer = {**published, needed: torch.zeros(99)}
    with pytest.raises(CheckpointError, match="1 tensor of a different shape"):
        checked(adapter, longer, Path("w.bin"))


def test_a_file_of_another_encoder_is_recognised(small_adapters: None) -> None:
    published = values(shapes("conch", full=False))
    with pytest.raises(CheckpointError, match=r"does not contain UNI .* it fits --arch conch\."):
        checked(ADAPTERS["uni"], published, Path("w.bin"))
    with pytest.raises(CheckpointError, match="take MahmoodLab/UNI"):
        checked(ADAPTERS["uni"], {"a": torch.zeros(1)}, Path("w.bin"))


def test_uni_gives_the_class_token_of_its_vit() -> None:
    model, published = converted("uni")
    plain = timm.create_model(
        "vit_large_patch16_224", img_size=64, embed_dim=16, depth=2, num_heads=2,
        init_values=1e-5, num_classes=0, dynamic_img_size=True,
    ).eval()  # fmt: skip
    plain.load_state_dict(published)
    image = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model(image), plain.forward_features(image)[:, 0])


def test_virchow2_gives_class_token_and_mean_patch_without_registers() -> None:
    model, _ = converted("virchow2")
    image = torch.randn(2, 3, 56, 56)
    with torch.inference_mode():
        tokens = model.trunk.forward_features(image)
        expected = torch.cat([tokens[:, 0], tokens[:, 5:].mean(1)], 1)
        torch.testing.assert_close(model(image), expected)
    assert tokens.shape[1] == 5 + 16 and model.num_features == 32


def test_conch_gives_what_its_query_attends_to() -> None:
    model, published = converted("conch")
    pooler = nn.MultiheadAttention(8, 2, kdim=16, vdim=16)
    prefix = "visual.attn_pool_contrast."
    of = {k.removeprefix(prefix): v for k, v in published.items() if k.startswith(prefix)}
    pooler.load_state_dict({k[5:]: v for k, v in of.items() if k.startswith("attn.")})
    norm = nn.functional.layer_norm
    image = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        tokens = model.trunk.forward_features(image)
        keys = norm(tokens, (16,), of["ln_k.weight"], of["ln_k.bias"]).transpose(0, 1)
        query = norm(of["query"], (8,), of["ln_q.weight"], of["ln_q.bias"])
        found = pooler(query.unsqueeze(1).expand(1, 2, 8), keys, keys)[0][0]
        last = [published[f"visual.ln_contrast.{part}"] for part in ("weight", "bias")]
        torch.testing.assert_close(model(image), norm(found, (8,), *last))


def beit3_by_hand(p: dict[str, Tensor], image: Tensor, heads: int = 2) -> Tensor:
    """BEiT-3's image branch as its paper has it: sub-LayerNorm, separate q, k and v."""

    def norm(name: str, x: Tensor) -> Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"])

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    proj = "beit3.vision_embed.proj"
    x = nn.functional.conv2d(image, p[f"{proj}.weight"], p[f"{proj}.bias"], stride=16)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([p["beit3.vision_embed.cls_token"].expand(len(x), 1, -1), x], 1)
    x = x + p["beit3.encoder.embed_positions.A.weight"][2:]
    for i in range(2):
        layer = f"beit3.encoder.layers.{i}"
        y = norm(f"{layer}.self_attn_layer_norm.A", x)
        q, k, v = (
            linear(f"{layer}.self_attn.{part}_proj.A", y).unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in "qkv"
        )
        y = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1) @ v
        y = norm(f"{layer}.self_attn.inner_attn_ln.A", y.transpose(1, 2).flatten(2))
        x = x + linear(f"{layer}.self_attn.out_proj.A", y)
        y = linear(f"{layer}.ffn.A.fc1", norm(f"{layer}.final_layer_norm.A", x))
        y = norm(f"{layer}.ffn.A.ffn_layernorm", nn.functional.gelu(y))
        x = x + linear(f"{layer}.ffn.A.fc2", y)
    return norm("beit3.encoder.layer_norm.A", x)[:, 0]


def test_musk_gives_beit3s_class_token() -> None:
    model, published = converted("musk")
    image = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(
            model(image), beit3_by_hand(published, image), atol=1e-5, rtol=1e-4
        )


def test_ctranspaths_stem_and_downsampling_are_where_they_belong() -> None:
    model, published = converted("ctranspath")
    merge = model.layers[1].downsample.reduction.weight
    assert torch.equal(merge, published["layers.0.downsample.reduction.weight"])
    image = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert model.patch_embed(image).shape == (2, 16, 16, 16)
        assert model(image).shape == (2, 128)


@pytest.mark.parametrize("name", NAMES)
def test_a_converted_encoder_is_tuned_frozen_and_answers_with_a_cam(
    name: str, small_adapters: None, folder: Path, tmp_path: Path
) -> None:
    file, out = tmp_path / "weights.bin", tmp_path / "encoder.safetensors"
    torch.save(values(shapes(name, full=False)), file)
    assert command.main([str(file), "--arch", name, "--out", str(out)]) == 0
    card, side = read_card(out), small(name).window_px
    assert (card.kind, card.arch, card.pretraining) == ("encoder", name, name)
    assert card.input.mean == ADAPTERS[name].mean and card.input.window_px == side
    assert not card.classifies and card.licence

    given = ["--data", str(folder), *TINY, "--epochs", "1", "--out", str(tmp_path / "run")]
    more = ["--image-size", str(side), "--init", str(out), "--freeze"]
    assert finetune.main([*given, *more]) == 0
    best = tmp_path / "run" / "best.safetensors"
    tuned = checkpoint.load(best)
    assert tuned.card.kind == "baseline" and tuned.card.input.mean == card.input.mean
    assert card.licence in tuned.card.licence and tuned.card.tags["pretraining"] == name
    weights = tuned.model.state_dict()
    for key, value in checkpoint.load(out).model.state_dict().items():
        assert torch.equal(weights[key], value)
    image = np.random.default_rng(0).integers(0, 255, (1, side, side, 3), dtype=np.uint8)
    assert Predictor(best, "cpu").predict(image).probabilities.shape == (1, 2)
    found = cam_maps(tuned.model, torch.randn(1, 3, side, side), "GradCAM", 0, 3)
    assert found.shape[1] == found.shape[2] >= 2 and np.ptp(found) > 0


def test_the_whole_encoder_can_be_tuned_too(
    small_adapters: None, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "model.safetensors", tmp_path / "encoder.safetensors"
    save_file(values(shapes("musk", full=False)), file)
    assert command.main([str(file), "--arch", "musk", "--out", str(out)]) == 0
    given = ["--data", str(folder), *TINY, "--epochs", "1", "--init", str(out)]
    assert finetune.main([*given, "--out", str(tmp_path / "a")]) == 2
    assert "give --image-size 64" in capsys.readouterr().err
    assert finetune.main([*given, "--out", str(tmp_path / "b"), "--image-size", "64"]) == 0
    tuned = checkpoint.load(tmp_path / "b" / "best.safetensors").model.state_dict()
    start = checkpoint.load(out).model.state_dict()
    assert not torch.equal(tuned["blocks.0.mlp.fc1.weight"], start["blocks.0.mlp.fc1.weight"])


def test_timms_own_weights_lose_their_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model("resnet10t", num_classes=7)
    torch.save(OrderedDict(model.state_dict()), tmp_path / "w.pth")
    out = tmp_path / "r.safetensors"
    assert (
        command.main([str(tmp_path / "w.pth"), "--arch", "timm:resnet10t", "--out", str(out)]) == 0
    )
    card = read_card(out)
    assert card.input.mean == pytest.approx((0.485, 0.456, 0.406)) and card.kind == "encoder"
    loaded = checkpoint.load(out).model
    assert torch.equal(loaded.conv1[0].weight, model.conv1[0].weight)
    assert isinstance(loaded.get_classifier(), nn.Identity)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda w: {"model": w, "epoch": 3, "args": argparse.Namespace(lr=0.1)},
        lambda w: {"state_dict": {f"module.{k}": v for k, v in w.items()}},
        lambda w: {k: v.half() for k, v in w.items()},
    ],
)
def test_wrappers_are_taken_off_and_floats_are_float32(wrapped, tmp_path: Path) -> None:
    weights = {"a.weight": torch.randn(2, 3), "a.count": torch.tensor(4)}
    torch.save(wrapped(weights), tmp_path / "w.pt")
    found = read_tensors(tmp_path / "w.pt")
    assert found.keys() == weights.keys() and found["a.weight"].dtype == torch.float32
    torch.testing.assert_close(found["a.weight"], weights["a.weight"], atol=1e-2, rtol=0)


class Harmful:
    """What a weight file must not be able to do."""

    def __reduce__(self):
        return (print, ("run by the weight file",))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda p: torch.save({"a": torch.zeros(1), "b": Harmful()}, p), "could run code"),
        (lambda p: p.write_bytes(pickle.dumps(Harmful())), "could run code|damaged"),
        (lambda p: p.write_bytes(b"not a weight file"), "damaged or not a weight file"),
        (lambda p: p.write_text("path,label\n"), "damaged or not a weight file"),
        (lambda p: torch.save([1, 2], p), "no named tensors"),
        (lambda p: None, "no weight file"),
    ],
)
def test_what_is_no_weight_file_gives_one_sentence_and_runs_nothing(
    write, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "w.pth", tmp_path / "e.safetensors"
    write(path)
    assert command.main([str(path), "--arch", "uni", "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert re.search(words, said.err) and "run by the weight file" not in said.out + said.err
    assert "Traceback" not in said.err and not out.exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--arch", "virchow", "--out", "e.safetensors"], "did you mean 'virchow2'"),
        (["--arch", "timm:resnet", "--out", "e.safetensors"], "did you mean"),
        (["--arch", "uni", "--out", "e.pt"], "must end in .safetensors"),
        (["--arch", "uni", "--image-size", "256", "--out", "e.safetensors"], "windows of 224 px"),
    ],
)
def test_bad_flags_are_answered_in_a_sentence(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path / "w.bin"), *flags]) == 2
    assert words in capsys.readouterr().err


def test_an_encoders_name_without_its_weights_says_how_to_get_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(folder), *TINY, "--out", str(tmp_path / "run"), "--arch", "uni"]
    assert finetune.main(given) == 2
    assert "training.convert" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_it_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--arch", "uni", "--out", "e.safetensors"]
    monkeypatch.setattr(sys, "argv", ["convert", "missing.bin", *flags])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("training.convert", run_name="__main__")
    assert left.value.code == 2


@pytest.mark.parametrize(
    "wrapper", ["score", "lightning", "compiled", "backbone", "nested", "shared"]
)
def test_weights_as_projects_wrap_them(tmp_path: Path, wrapper: str) -> None:
    torch.manual_seed(0)
    weights = timm.create_model("resnet10t", num_classes=2).state_dict()
    raw: dict[str, object] = {
        "score": {
            "state_dict": {f"module.{k}": v for k, v in weights.items()},
            "best_acc1": torch.tensor(70.0),
        },
        "lightning": {"state_dict": {f"model.{k}": v for k, v in weights.items()}, "epoch": 3},
        "compiled": {f"_orig_mod.{k}": v for k, v in weights.items()},
        "backbone": {
            **{f"backbone.{k}": v for k, v in weights.items()},
            "head.weight": torch.zeros(2, 4),
        },
        "nested": {"model": {f"module._orig_mod.{k}": v for k, v in weights.items()}},
        "shared": {**weights, "layer1.0.bn1.weight": weights["bn1.weight"]},
    }
    if wrapper == "shared":
        weights["layer1.0.bn1.weight"] = weights["bn1.weight"]
    torch.save(raw[wrapper], tmp_path / "w.pth")
    out = tmp_path / "w.safetensors"
    asked = [str(tmp_path / "w.pth"), "--arch", "timm:resnet10t", "--out", str(out)]
    assert command.main(asked) == 0
    found = checkpoint.load(out).model.state_dict()
    assert set(found) == {k for k in weights if not k.startswith("fc.")}
    assert all(torch.equal(value, weights[name]) for name, value in found.items())
