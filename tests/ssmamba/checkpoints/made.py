"""Tiny random checkpoints that tests save and load."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, ClassInfo, InputSpec
from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.models import MAMIM, SSMamba

CLASSES = (
    ClassInfo("tumor", "Tumour", (200, 30, 30)),
    ClassInfo("stroma", "Stroma", (30, 200, 30)),
    ClassInfo("fat", "Fat", (230, 220, 40)),
)
SPEC = InputSpec(window_px=64, source_px=64)


def tiny_config(**changes: Any) -> SSMambaConfig:
    return SSMambaConfig.of_size("nano", dims=(8, 8, 12, 16), depths=(1, 1, 1, 2), **changes)


def tiny_model(classes: int = 3, seed: int = 0, **changes: Any) -> SSMamba:
    torch.manual_seed(seed)
    model = SSMamba(tiny_config(**changes), classes).eval()
    with torch.no_grad():
        if classes:
            model.head.weight.mul_(6.0)  # probabilities that differ from one another
    return model


def save_classifier(
    path: Path, spec: InputSpec = SPEC, extra: dict | None = None, seed: int = 0, **card: Any
) -> Path:
    """Save a tiny three-class model."""
    model = tiny_model(seed=seed)
    made = Card(name="Tiny", config=asdict(model.config), classes=CLASSES, input=spec)
    checkpoint.save(path, model, made.with_(**card), extra)
    return path


def save_mamim(path: Path, spec: InputSpec = SPEC, **mamim: Any) -> Path:
    """Save a tiny masked-pre-training checkpoint."""
    torch.manual_seed(0)
    config = replace(MIMConfig(mask_unit=16, decoder_dim=32), **mamim)
    model = MAMIM(SSMamba(tiny_config()), config)
    made = Card(kind="mamim", name="Tiny MAMIM", config=asdict(tiny_config()),
                mamim=asdict(config), input=spec)  # fmt: skip
    checkpoint.save(path, model, made)
    return path
