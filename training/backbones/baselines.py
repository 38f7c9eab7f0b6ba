"""Baselines of similar size: timm's ViT, Swin and ResNet with as many parameters as SSMamba."""

from __future__ import annotations

from typing import Any

from ssmamba.errors import DataError, did_you_mean

_VIT, _SWIN = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"


def _vit(dim: int, depth: int, heads: int) -> tuple[str, dict[str, Any]]:
    return _VIT, {"embed_dim": dim, "depth": depth, "num_heads": heads}


def _swin(dim: int, third: int, heads: int) -> tuple[str, dict[str, Any]]:
    numbers = [heads << stage for stage in range(4)]
    return _SWIN, {"embed_dim": dim, "depths": [2, 2, third, 2], "num_heads": numbers}


def _resnet(name: str, width: int) -> tuple[str, dict[str, Any]]:
    return name, {"channels": [width << stage for stage in range(4)]}


# --arch -> --size -> (timm's name, arguments of timm.create_model)
BASELINES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "vit": {
        "nano": _vit(96, 8, 3),
        "tiny": _vit(192, 12, 3),
        "small": _vit(320, 13, 5),
        "base": _vit(640, 12, 10),
    },
    "swin": {
        "nano": _swin(20, 2, 1),
        "tiny": _swin(48, 4, 2),
        "small": _swin(72, 6, 3),
        "base": _swin(120, 12, 5),
    },
    "resnet": {
        "nano": _resnet("resnet10t", 28),
        "tiny": _resnet("resnet10t", 72),
        "small": _resnet("resnet18", 76),
        "base": _resnet("resnet50", 104),
    },
}


def baseline(arch: str, size: str, width: float = 1.0) -> tuple[str, dict[str, Any]]:
    """timm's name and arguments of a baseline with ``width`` times its channels.

    Raises DataError for an unknown size.
    """
    sizes = BASELINES[arch]
    if size not in sizes:
        hint = did_you_mean(size, sizes)
        raise DataError(f"Unknown model size '{size}'{hint}; choose another size.")
    name, arguments = sizes[size]
    return name, {key: _widened(key, value, arguments, width) for key, value in arguments.items()}


def _widened(key: str, value: Any, arguments: dict[str, Any], width: float) -> Any:
    if key == "embed_dim":
        heads = arguments["num_heads"]
        return scaled(value, width, heads if isinstance(heads, int) else heads[0])
    if key == "channels":
        first = scaled(value[0], width)
        return [first * channels // value[0] for channels in value]
    return value


def scaled(channels: int, width: float, heads: int = 1) -> int:
    """About ``width`` times the channels: a multiple of the heads, or of 4 with one or two."""
    step = heads if heads > 2 else 4
    return channels if width == 1 else max(round(channels * width / step), 1) * step
