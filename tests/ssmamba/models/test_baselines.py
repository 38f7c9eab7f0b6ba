"""Every baseline goes where SSMamba goes: predictor, CAMs, the command line."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card
from ssmamba.config import SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.explain.cam import cam_maps
from ssmamba.explain.methods import METHODS
from ssmamba.inference.predictor import Predictor
from ssmamba.models.build import build_network, head_of
from ssmamba.predict import main
from ssmamba.reading.preprocess import to_tensor
from tests.slides import grainy
from tests.ssmamba.checkpoints.made import CLASSES, SPEC

VIT = {"img_size": 64, "embed_dim": 24, "depth": 4, "num_heads": 2}
SWIN = {"img_size": 64, "embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2]}
VMAMBA = SSMambaConfig.vmamba("nano", dims=(8, 8, 12, 16), depths=(1, 1, 1, 1))

# arch, config, side of the CAM's grid in stages 1 to 4 of a 64-px window
TINY = {
    "vmamba": ("vmamba", vars(VMAMBA), (16, 8, 4, 2)),
    "vit": ("timm:vit_tiny_patch16_224", VIT, (4, 4, 4, 4)),
    "vit-registers": ("timm:vit_tiny_patch16_224", {**VIT, "reg_tokens": 4}, (4, 4, 4, 4)),
    "vit-mean": (
        "timm:vit_tiny_patch16_224",
        {**VIT, "class_token": False, "global_pool": "avg"},
        (4, 4, 4, 4),
    ),
    "swin": ("timm:swin_tiny_patch4_window7_224", {**SWIN, "window_size": 2}, (16, 8, 4, 2)),
    "vit-stem": ("timm:vit_tiny_patch16_224", {**VIT, "conv_stem": True}, (4, 4, 4, 4)),
    "swin-stem": (
        "timm:swin_tiny_patch4_window7_224",
        {**SWIN, "window_size": 2, "conv_stem": True},
        (16, 8, 4, 2),
    ),
    "resnet": ("timm:resnet10t", {"channels": [8, 8, 16, 16]}, (16, 8, 4, 2)),
}


@pytest.mark.parametrize(
    ("arch", "config", "named"),
    [
        ("timm:hf-hub:somebody/model", {}, "hf-hub:somebody/model"),
        ("timm:local-dir:/tmp/model", {}, "local-dir"),
        ("timm:resnet10t", {"pretrained": True}, "pretrained"),
        ("timm:resnet10t", {"checkpoint_path": "weights.pth"}, "checkpoint_path"),
        ("timm:resnet10t", {"pretrained_cfg_overlay": {"file": "weights.pth"}}, "overlay"),
        ("timm:resnet10t", {"features_only": True}, "features_only"),
        ("uni", {"pretrained": True}, "pretrained"),
        ("ctranspath", {"cache_dir": "/tmp"}, "cache_dir"),
    ],
)
def test_a_card_cannot_make_timm_fetch_or_open_files(monkeypatch, arch, config, named):
    def refuse(*_args, **_kwargs):
        raise AssertionError("timm was asked")

    monkeypatch.setattr("timm.create_model", refuse)
    with pytest.raises(CheckpointError, match=rf"{named}.*source that you trust\.$"):
        build_network(arch, config, 3)


@pytest.fixture(scope="module", params=list(TINY))
def saved(request, tmp_path_factory):
    """(path, model, grids) of a tiny baseline with three classes."""
    arch, config, grids = TINY[request.param]
    torch.manual_seed(0)
    model = build_network(arch, config, 3).eval()
    with torch.no_grad():
        head_of(model).weight.normal_()
    path = tmp_path_factory.mktemp("m") / f"{request.param}.safetensors"
    config = json.loads(json.dumps(config))
    card = Card(kind="baseline", arch=arch, config=config, classes=CLASSES, input=SPEC)
    checkpoint.save(path, model, card)
    return path, model, grids


@pytest.fixture(scope="module")
def loaded(saved):
    """The saved model, read again; maps leave it as it is, and it is measured for them once."""
    return checkpoint.load(saved[0]).model


def test_the_predictor_gives_what_the_model_gives(saved):
    path, model, _ = saved
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    predictor = Predictor(path, "cpu")
    got = predictor.predict(images)
    with torch.inference_mode():
        expected = model(to_tensor(images, SPEC)).softmax(-1).numpy()
    np.testing.assert_allclose(got.probabilities, expected, atol=1e-5)
    assert got.features.ndim == 2 and np.ptp(got.features, axis=0).max() > 0
    told = predictor.checkpoint.parameters  # of the file, whatever was folded for speed
    assert told == sum(part.numel() for part in model.parameters())


@pytest.mark.parametrize("method", list(METHODS))
def test_every_cam_method_has_a_map_at_the_grid_of_the_stage(saved, loaded, method):
    _, _, grids = saved
    batch = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    for stage, side in enumerate(grids, start=1):
        found = cam_maps(loaded, batch, method, 1, stage)
        assert found.shape == (2, side, side)
        assert np.isfinite(found).all() and np.ptp(found) > 0


def test_a_spot_in_the_image_is_at_the_same_place_in_the_map(loaded):
    """The map's grid is not turned or shifted against the image by prefix tokens."""
    spot = torch.zeros(1, 3, 64, 64)
    spot[..., :16, 48:] = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(2)) * 3
    found = np.abs(cam_maps(loaded, spot, "EigenCAM", 0, 1)[0])
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row < len(found) / 2 <= column


def test_predict_writes_its_results_and_cam(saved, tmp_path):
    path, _, _ = saved
    Image.fromarray(grainy(64, 64)).save(tmp_path / "patch.png")
    out = tmp_path / "out"
    arguments = [str(tmp_path / "patch.png"), "--model", str(path), "--cam", "GradCAM"]
    assert main([*arguments, "--out", str(out), "--device", "cpu"]) == 0
    (result,) = json.loads((out / "results.json").read_text())
    assert sum(result["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert list(out.glob("*.png"))
