"""Untrained but real checkpoints, for runs with the real engine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path


def write_real_models(folder: Path, mpp: float | None = None) -> list[Path]:
    """Two classifiers and a masked model of the smallest size; their scale may be known."""
    import torch

    from ssmamba.checkpoints import checkpoint
    from ssmamba.checkpoints.card import Card, InputSpec
    from ssmamba.config import MIMConfig, SSMambaConfig
    from ssmamba.models import MAMIM, SSMamba
    from tests.viewer.fakes import CLASSES

    torch.manual_seed(0)
    config = SSMambaConfig.of_size("nano")
    spec = InputSpec(window_px=64, source_px=64, mpp=mpp)
    card = Card(config=asdict(config), classes=CLASSES, input=spec)
    paths = []
    for name in ("first", "second"):
        paths.append(folder / f"{name}.safetensors")
        checkpoint.save(paths[-1], SSMamba(config, len(CLASSES)), card.with_(name=name))
    masked = MIMConfig()
    paths.append(folder / "masked.safetensors")
    checkpoint.save(
        paths[-1],
        MAMIM(SSMamba(config), masked),
        card.with_(kind="mamim", name="masked", classes=(), mamim=asdict(masked)),
    )
    return paths
