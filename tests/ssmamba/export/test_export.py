"""Exported models answer as their checkpoints do, or there is no file."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ssmamba.checkpoints.card import Card, ClassInfo, InputSpec, read_card
from ssmamba.checkpoints.checkpoint import load, save
from ssmamba.config import SSMambaConfig
from ssmamba.headless.export import files
from ssmamba.inference.predictor import Predictor
from ssmamba.models.build import build_network
from ssmamba.models.slides.config import PixelMambaConfig
from tests.ssmamba.checkpoints.made import (
    CLASSES,
    save_classifier,
    save_mamim,
    tiny_config,
    tiny_model,
)
from tests.ssmamba.checkpoints.torchscripts import save_folder
from tests.ssmamba.export.conftest import SPEC, Run

ROOT = Path(__file__).resolve().parents[3]
FULL = Path("/dev/full")


def test_a_folder_answers_as_its_checkpoint(model: Path, exported: Path) -> None:
    ours, theirs = Predictor(model, "cpu"), Predictor(exported, "cpu")
    images = np.random.default_rng(3).integers(0, 256, (3, 16, 16, 3), np.uint8)
    difference = ours.predict(images).probabilities - theirs.predict(images).probabilities
    assert np.abs(difference).max() < 1e-5
    assert theirs.card.class_names == ours.card.class_names
    assert theirs.card.input == replace(SPEC, mpp=pytest.approx(0.5))


def test_the_config_says_what_a_patch_covers(tmp_path: Path, export: Run) -> None:
    spec = InputSpec(window_px=16, source_px=32, mpp=1.0)
    path = save_classifier(tmp_path / "b.safetensors", spec=spec)
    status, _, out = export(path)
    config = json.loads((out / "config.json").read_text())
    assert status == 0
    assert (config["patch_size_pixels"], config["spacing_um_px"]) == (32, 0.5)
    assert config["transform"][0] == {"name": "Resize", "arguments": {"size": 16}}
    assert read_card(out).input == replace(spec, mpp=pytest.approx(1.0))


def test_nothing_of_this_computer_is_in_the_file(exported: Path) -> None:
    with zipfile.ZipFile(exported / "torchscript_model.pt") as archive:
        assert str(ROOT).encode() not in b"".join(archive.read(n) for n in archive.namelist())
        code = [archive.read(n).decode() for n in archive.namelist() if n.endswith(".py")]
    assert not any("ops.ssmamba" in text for text in code)


def test_a_network_of_timms_is_exported(tmp_path: Path, export: Run) -> None:
    arch, config = "timm:resnet10t", {"stem_width": 8, "channels": [8, 8, 16, 16]}
    torch.manual_seed(0)
    classes = tuple(ClassInfo(name, name, (0, 0, 0)) for name in ("a", "b"))
    card = Card(kind="baseline", arch=arch, config=config, classes=classes, input=SPEC)
    save(tmp_path / "timm.safetensors", build_network(arch, config, 2).eval(), card)
    status, said, out = export(tmp_path / "timm.safetensors")
    assert (status, read_card(out).class_names) == (0, ["a", "b"]), said


def test_what_answers_otherwise_is_not_kept(
    model: Path, export: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, network: nn.Module, side: int) -> None:
        with torch.no_grad():
            network.get_submodule("model.head").bias.add_(torch.tensor([0.01, 0.0, 0.0]))
        plain(path, network, side)

    plain = files.write_torchscript
    monkeypatch.setattr(files, "write_torchscript", write)
    status, said, out = export(model)
    assert status == 2 and "would not answer as the checkpoint does" in said
    assert list(out.iterdir()) == []


def test_a_trace_is_made_of_plain_operations() -> None:
    """Even without the exporter: a trace does not see what a compiled kernel does."""
    network, images = tiny_model().requires_grad_(False), torch.randn(3, 3, 32, 32)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, torch.zeros(1, 3, 32, 32), check_trace=False)
    with torch.no_grad():
        assert torch.allclose(traced(images), network(images), atol=1e-5)


def test_bad_input_is_one_sentence(tmp_path: Path, model: Path, export: Run) -> None:
    unknown = save_classifier(tmp_path / "unknown.safetensors", spec=replace(SPEC, mpp=None))
    masked = save_mamim(tmp_path / "masked.safetensors")
    zoo = save_folder(tmp_path / "zoo")
    for given, named in (
        ([unknown], "does not know its µm/px"),
        ([masked], "has no classes"),
        ([zoo], "is a TorchScript model already"),
        ([tmp_path / "none.safetensors"], "There is no model file"),
        ([model, "--format", "onnx"], "There is no format 'onnx'"),
    ):
        status, said, out = export(*given)
        assert status == 2 and named in said and said.count("\n") == 1
        assert not out.exists()
    assert export(unknown, "--target-mpp", "2")[0] == 0


@pytest.mark.slow
def test_a_program_of_torch_export_answers_as_its_checkpoint(model: Path, export: Run) -> None:
    status, said, out = export(model, "--format", "torch-export,wsinfer")
    assert status == 0, said
    assert {p.name for p in out.iterdir()} == {"config.json", "model.pt2", "torchscript_model.pt"}
    program = torch.export.load(out / "model.pt2")
    names = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not any("ssmamba" in name for name in names)
    images = torch.randn(7, 3, 16, 16)
    with torch.no_grad():
        expected = load(model).model(images) / 1.7
        assert torch.allclose(program.module()(images), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lac", "pbc"])
def test_bundled_models_are_exported(name: str, export: Run) -> None:
    path = ROOT / "resources" / "models" / f"{name}.safetensors"
    status, said, out = export(path, "--target-mpp", "1")
    assert status == 0, said
    assert read_card(out).class_names == read_card(path).class_names


OTHER_NETWORKS = {
    "mamba": ("ssmamba", asdict(tiny_config(mixer="mamba"))),
    "ss2d": ("ssmamba", asdict(tiny_config(mixer="ss2d"))),
    "cls": ("ssmamba", asdict(tiny_config(pool="cls"))),
    "both": ("ssmamba", asdict(tiny_config(pool="both"))),
    "columns": ("ssmamba", asdict(tiny_config(column_scans=True))),
    "alternate": ("ssmamba", asdict(tiny_config(alternate_scans=True))),
    "mlp": ("ssmamba", asdict(tiny_config(mlp_ratio=2.0))),
    "linear": ("ssmamba", asdict(tiny_config(embedding="linear"))),
    "deep stem": ("ssmamba", asdict(tiny_config(deep_stem=True, overlap=True, batch_norm=True))),
    "vmamba": ("vmamba", asdict(SSMambaConfig.vmamba("nano", dims=(8, 8, 12, 16)))),
    "pixels": ("pixel-mamba-roi", asdict(PixelMambaConfig(expansions=("h-cat", "v-cat")))),
    "vit": ("timm:vit_tiny_patch16_224", {"img_size": 32}),
    "efficientvit": ("timm:efficientvit_b0", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_other_networks_are_exported(name: str, tmp_path: Path, export: Run) -> None:
    arch, config = OTHER_NETWORKS[name]
    torch.manual_seed(0)
    card = Card(arch=arch, config=config, classes=CLASSES, input=replace(SPEC, window_px=32))
    save(tmp_path / "m.safetensors", build_network(arch, config, 3).eval(), card)
    status, said, out = export(tmp_path / "m.safetensors")
    assert status == 0, said
    assert len(read_card(out).classes) == 3


@pytest.mark.skipif(
    not FULL.is_char_device(), reason="the system has no device that is always full"
)
@pytest.mark.parametrize("write", [files.write_torchscript, files.write_program])
def test_a_disk_that_fills_up_is_an_error_of_the_system(write: Callable[..., None]) -> None:
    """Torch's own writer of TorchScript ends the process."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with pytest.raises(OSError, match="No space left on device"):
        write(FULL, network, 16)
