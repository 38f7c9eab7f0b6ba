"""Baselines by name: built for the window at hand, stored so that they load again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, ClassInfo, InputSpec
from training.backbones.architectures import swin_window
from training.backbones.classifiers import build_classifier, run_model
from training.config import FinetuneConfig

NAMES = ("resnet10t", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224")


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_runs_at_128_px_and_loads_again(name: str, tmp_path: Path) -> None:
    flags = FinetuneConfig(
        data=tmp_path, out=tmp_path, arch=f"timm:{name}", image_size=128, drop_path=0.1
    )
    torch.manual_seed(0)
    start = build_classifier(flags, 3)
    spec = InputSpec(window_px=128)
    images = np.random.default_rng(0).integers(0, 255, (2, 128, 128, 3), dtype=np.uint8)
    logits, features = run_model(start.model, images, spec)
    assert logits.shape == (2, 3) and features.shape[0] == 2 and features.ndim == 2

    classes = tuple(ClassInfo(k, k, (0, 0, 0)) for k in "abc")
    arch, config = start.backbone.arch, start.backbone.config
    card = Card(kind="baseline", arch=arch, config=config, classes=classes, input=spec)
    checkpoint.save(tmp_path / "b.safetensors", start.model, card)
    again = checkpoint.load(tmp_path / "b.safetensors")
    np.testing.assert_allclose(run_model(again.model, images, spec)[0], logits, atol=1e-5)


def test_logits_are_those_of_the_whole_model(tmp_path: Path) -> None:
    """Features and head by themselves give what the model gives."""
    from ssmamba.reading.preprocess import to_tensor

    images = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    spec = InputSpec(window_px=64)
    for arch in ("ssmamba", "timm:resnet10t"):
        config = FinetuneConfig(data=tmp_path, out=tmp_path, arch=arch, image_size=64, size="nano")
        model = build_classifier(config, 3).model.eval()
        with torch.no_grad():
            expected = model(to_tensor(images, spec)).numpy()
        np.testing.assert_allclose(run_model(model, images, spec)[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "window"), [(96, 6), (112, 7), (128, 8), (224, 7), (256, 8), (384, 6)]
)
def test_swin_windows_are_about_seven_wide_and_need_no_padding(size: int, window: int) -> None:
    assert swin_window(size) == window
    grids = [size // stride for stride in (4, 8, 16, 32)]
    assert all(grid <= window or grid % window == 0 for grid in grids)


def test_swin_windows_pad_least_where_no_side_fits() -> None:
    """Grids of 25, 12, 6 and 3 tokens: 5 adds 81 + 64 tokens, 7 would add 159 + 52."""
    assert swin_window(100) == 5
