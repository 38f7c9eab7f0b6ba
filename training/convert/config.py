"""Flags of training.convert."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Turn the weight file of a published encoder into a checkpoint for --init."""

    weights: Path  # .safetensors, .pth, .pt or .bin file that you have
    out: Path  # checkpoint to write, .safetensors
    arch: str  # uni | conch | ctranspath | gigapath | virchow2 | musk | timm:NAME
    name: str = ""  # readable name shown in lists; "" = the encoder's
    image_size: int | None = None  # side of the input of a timm:NAME, pixels; None = its own
