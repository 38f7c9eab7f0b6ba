"""CONCH's image tower: a ViT-B/16 whose tokens one query attends to (Lu et al. 2024)."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from ssmamba.models.foundation.adapter import Adapter, renamed
from ssmamba.models.foundation.pooled import AttentionPool, PooledTrunk, vit


def _build(arguments: dict[str, Any], classes: int) -> nn.Module:
    """Features are those before the projection to the text space, as for probing."""
    given = dict(arguments)
    dim, heads = given.pop("pool_dim"), given.pop("pool_heads")
    trunk = vit("vit_base_patch16_224", given)
    pool = AttentionPool(dim, int(trunk.num_features), heads)  # type: ignore[arg-type]
    return PooledTrunk(trunk, pool, dim, classes)


_NAMES = {
    "visual.trunk.": "trunk.",
    "visual.attn_pool_contrast.": "pool.",
    "visual.ln_contrast.": "pool.norm.",
}

CONCH = Adapter(
    name="conch",
    title="CONCH",
    window_px=448,
    arguments={"img_size": 448, "pool_dim": 512, "pool_heads": 8},
    build=_build,
    convert=partial(renamed, rules=_NAMES),
    source="MahmoodLab/CONCH on Hugging Face, pytorch_model.bin",
    licence="CC BY-NC-ND 4.0 (CONCH, Lu et al. 2024)",
    unused=(
        r"text\.",
        r"text_decoder\.",
        r"logit_scale$",
        r"visual\.attn_pool_caption\.",
        r"visual\.ln_caption\.",
        r"visual\.proj_contrast$",
    ),
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
