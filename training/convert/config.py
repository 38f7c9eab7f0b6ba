"""Flags of training.convert."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Turn the weight file of a published encoder into a checkpoint for --init."""

    weights: Path  # weight file of the encoder: .safetensors, .pth, .pt or .bin
    out: Path  # checkpoint to write, .safetensors
    # uni | conch | ctranspath | gigapath | virchow2 | musk | timm:NAME; of slides: gigapath-slide |
    # hipt
    arch: str
    name: str = ""  # readable name, shown in lists; "" = that of the encoder
    image_size: int | None = None  # timm:NAME only: side of the input, pixels; default: its own
