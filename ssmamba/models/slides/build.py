"""Slide models by the names that a card gives them."""

from __future__ import annotations

from typing import Any

from ssmamba.errors import CheckpointError
from ssmamba.models.slides.config import LongViTConfig, PixelMambaConfig, VimConfig
from ssmamba.models.slides.encoder import SlideEncoder, SlideModel
from ssmamba.models.slides.mil import MILConfig, build_aggregator
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.published.longvit import LongViT
from ssmamba.models.slides.vim import Vim

ARCHITECTURES = ("pixel-mamba", "vim", "longvit", "mil")


def build_slide_model(arch: str, config: dict[str, Any], outputs: int) -> SlideModel:
    """An untrained slide model with ``outputs`` logits, or without a head when that is 0.

    config: PixelMambaConfig, VimConfig, LongViTConfig or MILConfig as JSON. Raises CheckpointError.
    """
    return SlideModel(_encoder(arch, config), outputs)


def _encoder(arch: str, config: dict[str, Any]) -> SlideEncoder:
    if arch == "pixel-mamba":
        return PixelMamba(PixelMambaConfig.from_dict(config))
    if arch == "mil":
        return build_aggregator(MILConfig.from_dict(config))
    if arch == "vim":
        return Vim(VimConfig.from_dict(config))
    if arch == "longvit":
        return LongViT(LongViTConfig.from_dict(config))
    raise CheckpointError(
        "Unknown slide architecture '{arch}'; update the viewer to open it.", arch=arch
    )
