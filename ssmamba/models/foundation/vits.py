"""Encoders that are timm's ViT: UNI, Prov-GigaPath's tile encoder, Virchow2."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from ssmamba.models.foundation.adapter import Adapter, renamed
from ssmamba.models.foundation.pooled import ClassAndMean, PooledTrunk, vit


def _virchow2(arguments: dict[str, Any], classes: int) -> nn.Module:
    """Its embedding is the class token beside the mean of the patch tokens."""
    trunk = vit("vit_huge_patch14_224", arguments)
    pool = ClassAndMean(int(trunk.num_prefix_tokens))  # type: ignore[arg-type]
    return PooledTrunk(trunk, pool, 2 * int(trunk.num_features), classes)  # type: ignore[arg-type]


UNI = Adapter(
    name="uni",
    title="UNI",
    window_px=224,
    arguments={"img_size": 224, "patch_size": 16, "init_values": 1e-5},
    build=partial(vit, "vit_large_patch16_224"),
    source="MahmoodLab/UNI on Hugging Face, pytorch_model.bin",
    licence="CC BY-NC-ND 4.0 (UNI, Chen et al. 2024)",
)

GIGAPATH = Adapter(
    name="gigapath",
    title="Prov-GigaPath",
    window_px=224,
    arguments={"img_size": 224, "patch_size": 16, "mlp_ratio": 5.33334},
    build=partial(vit, "vit_giant_patch14_dinov2"),
    source="prov-gigapath/prov-gigapath on Hugging Face, pytorch_model.bin (the tile encoder)",
    remark=(
        "It was published for 256-px tiles of which the middle 224 px are read. Training images "
        "are resized whole here: cut tiles to their middle seven eighths first."
    ),
    licence="Prov-GigaPath's licence, research only (Xu et al. 2024)",
)

VIRCHOW2 = Adapter(
    name="virchow2",
    title="Virchow2",
    window_px=224,
    arguments={
        "img_size": 224,
        "init_values": 1e-5,
        "reg_tokens": 4,
        "mlp_ratio": 5.3375,
        "swiglu": True,
    },
    build=_virchow2,
    convert=partial(renamed, rules={"": "trunk."}),
    source="paige-ai/Virchow2 on Hugging Face, pytorch_model.bin or model.safetensors",
    licence="CC BY-NC-ND 4.0 (Virchow2, Zimmermann et al. 2024)",
)
