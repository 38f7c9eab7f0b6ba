"""Weights of published slide encoders, as small trees in their published layout."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import read_card
from ssmamba.checkpoints.checkpoint import load_slide_model
from training import slide_evaluate, slide_finetune
from training.convert.__main__ import main


def linear(rows, columns, name):
    return {f"{name}.weight": torch.randn(rows, columns), f"{name}.bias": torch.randn(rows)}


def norm(size, name):
    return {f"{name}.weight": torch.rand(size), f"{name}.bias": torch.randn(size)}


def gigapath(features=12, dim=32, depth=2):
    found = linear(dim, features, "patch_embed.proj") | norm(dim, "norm")
    found |= norm(dim, "encoder.layer_norm") | {"cls_token": torch.randn(1, 1, dim)}
    for n in range(depth):
        layer = f"encoder.layers.{n}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            found |= linear(dim, dim, f"{layer}.self_attn.{name}")
        found |= norm(dim, f"{layer}.self_attn.inner_attn_ln")
        found |= norm(dim, f"{layer}.self_attn_layer_norm") | norm(dim, f"{layer}.final_layer_norm")
        found |= linear(4 * dim, dim, f"{layer}.ffn.fc1") | linear(dim, 4 * dim, f"{layer}.ffn.fc2")
        found |= norm(4 * dim, f"{layer}.ffn.ffn_layernorm")
    return {"model": found}


def hipt(features=12, dim=24, depth=2):
    found = linear(dim, features, "phi.0") | norm(dim, "norm") | linear(8, dim, "head.mlp.0")
    found |= {"cls_token": torch.randn(1, 1, dim), "pos_embed": torch.randn(1, 197, dim)}
    for n in range(depth):
        block = f"blocks.{n}"
        found |= norm(dim, f"{block}.norm1") | norm(dim, f"{block}.norm2")
        found |= linear(3 * dim, dim, f"{block}.attn.qkv") | linear(dim, dim, f"{block}.attn.proj")
        found |= linear(4 * dim, dim, f"{block}.mlp.fc1") | linear(dim, 4 * dim, f"{block}.mlp.fc2")
    inner = {k if "head" in k else f"backbone.{k}": v for k, v in found.items()}
    return {"teacher": {f"module.{k}": v for k, v in inner.items()}, "student": {}, "epoch": 3}


TREES = {"gigapath-slide": gigapath, "hipt": hipt}


def converted(tmp_path, name, tree):
    torch.save(tree, tmp_path / f"{name}.pth")
    out = tmp_path / f"{name}.safetensors"
    return main([str(tmp_path / f"{name}.pth"), "--arch", name, "--out", str(out)]), out


@pytest.mark.parametrize("name", TREES)
def test_every_tensor_is_taken_to_its_place(tmp_path, name, capsys):
    tree = TREES[name]()
    status, out = converted(tmp_path, name, tree)
    assert status == 0
    card, model = read_card(out), load_slide_model(out).model
    assert card.arch == "mil" and card.config["depth"] == 2 and card.config["features"] == 12
    assert card.slide_outputs == 0 and card.pretraining == name and card.licence
    assert card.licence in capsys.readouterr().out and card.attribution
    if name == "hipt":
        published = tree["teacher"]
        own = model.encoder.local.blocks[1].fc1.weight
        assert torch.equal(own, published["module.backbone.blocks.1.mlp.fc1.weight"])
        positions = published["module.backbone.pos_embed"][0]
        assert torch.equal(model.encoder.local.positions, positions)
    else:
        published = tree["model"]
        block = model.encoder.blocks[1]
        for ours, theirs in (
            (block.v.weight, "self_attn.v_proj.weight"),
            (block.inner2.bias, "ffn.ffn_layernorm.bias"),
            (block.norm1.weight, "self_attn_layer_norm.weight"),
            (block.norm2.weight, "final_layer_norm.weight"), (block.fc2.weight, "ffn.fc2.weight"),
        ):  # fmt: skip
            assert torch.equal(ours, published[f"encoder.layers.1.{theirs}"])
        assert torch.equal(model.encoder.last.weight, published["encoder.layer_norm.weight"])
        assert torch.equal(model.encoder.norm.weight, published["norm.weight"])


def without(tree, name):
    (inner,) = (value for value in tree.values() if isinstance(value, dict) and value)
    del inner[name]
    return tree


@pytest.mark.parametrize(
    ("name", "tree", "said"),
    [
        ("gigapath-slide", without(gigapath(), "encoder.layers.0.ffn.fc1.bias"), "first 'blocks.0"),
        ("gigapath-slide", hipt(), "an unknown tensor"),
        ("hipt", without(hipt(), "module.backbone.norm.weight"), "first 'local.norm.weight'"),
        ("hipt", gigapath(), "an unknown tensor"),
        ("gigapath-slide", {"model": gigapath()["model"] | {"cls_token": torch.zeros(1, 1, 8)}},
         "of another shape"),
        ("gigapath-slide", {"norm.weight": torch.ones(8)}, "none of its tiles' embedding"),
        ("hipt", {"phi.0.weight": torch.ones(8, 4)}, "none of its layers"),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_one_sentence(tmp_path, capsys, name, tree, said):
    status, out = converted(tmp_path, name, tree)
    error = capsys.readouterr().err
    assert status == 2 and not out.exists()
    assert "does not contain" in error and said in error and "; take " in error


def test_a_pickled_object_is_not_run(tmp_path, capsys):
    class Harm:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"model": {"cls_token": torch.zeros(1, 1, 8)}, "harm": Harm()}, tmp_path / "x.pth")
    out = str(tmp_path / "x.safetensors")
    assert main([str(tmp_path / "x.pth"), "--arch", "hipt", "--out", out]) == 2
    said = capsys.readouterr()
    assert "could run code" in said.err and "run\n" not in said.out


@pytest.mark.parametrize("name", [pytest.param("gigapath-slide", marks=pytest.mark.slow), "hipt"])
def test_a_converted_encoder_is_fine_tuned_on_features_with_their_places(tmp_path, name):
    from ssmamba.features.hdf5 import TileAttributes, write_features

    _, out = converted(tmp_path, name, TREES[name]())
    folder, rng = tmp_path / "features", np.random.default_rng(0)
    folder.mkdir()
    lines = ["slide,patient,label"]
    for number in range(9):
        places = np.stack([np.arange(5) % 3 * 256, np.arange(5) // 3 * 256], 1)
        said = TileAttributes(256, 256, 20.0, 20.0, 0, f"s{number}")
        values = rng.normal(0, 1, (5, 12)).astype(np.float32)
        write_features(folder / f"s{number}.h5", places, values, said, {"encoder": "test"})
        lines.append(f"s{number}.svs,p{number},{('light', 'dark')[number % 2]}")
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = tmp_path / "run"
    flags = ["--cohort", str(table), "--features", str(folder)]
    quick = ["--folds", "3", "--only-fold", "0", "--epochs", "1", "--warmup-epochs", "1", "--lr",
             "1e-9", "--mpp", "0.5", "--resamples", "5", "--accelerator", "cpu"]  # fmt: skip
    more = ["--model", name, "--init", str(out), "--out", str(run)]
    assert slide_finetune.main([*flags, *quick, *more]) == 0
    best = run / "fold-0" / "best.safetensors"
    before, after = (load_slide_model(path).model.encoder.state_dict() for path in (out, best))
    for key, value in before.items():
        torch.testing.assert_close(value, after[key], rtol=0, atol=1e-6)
    assert read_card(best).pretraining == name
    evaluated = [*flags, "--checkpoint", str(best), "--out", str(tmp_path / "e"), "--allow-overlap"]
    assert slide_evaluate.main([*evaluated, "--resamples", "5", "--contributions"]) == 0
    contributed = json.loads((tmp_path / "e" / "contributions" / "s1.json").read_text())
    assert contributed["method"].startswith("integrated")
