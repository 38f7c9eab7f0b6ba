"""MUSK's image tower: the vision branch of BEiT-3 large at 384 px (Xiang et al. 2025)."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from ssmamba.models.foundation.adapter import Adapter, State, renamed
from ssmamba.models.foundation.pooled import vit

FAIRSEQ_POSITIONS = 2  # unused rows at the head of the position table
_BLOCK = {
    "self_attn_layer_norm.A.": "norm1.",
    "self_attn.out_proj.A.": "attn.proj.",
    "self_attn.inner_attn_ln.A.": "attn.norm.",
    "final_layer_norm.A.": "norm2.",
    "ffn.A.ffn_layernorm.": "mlp.norm.",
    "ffn.A.": "mlp.",
}
_ROOT = {
    "beit3.vision_embed.proj.": "patch_embed.proj.",
    "beit3.vision_embed.cls_token": "cls_token",
    "beit3.encoder.layer_norm.A.": "norm.",
}


def _build(arguments: dict[str, Any], classes: int) -> nn.Module:
    """Features are the class token behind the last norm, at one scale, without MUSK's head."""
    return vit("beit3_large_patch16_224", {"global_pool": "token", **arguments}, classes)


def _convert(state: State) -> State:
    found: State = {}
    for name, value in state.items():
        if block := re.fullmatch(r"beit3\.encoder\.layers\.(\d+)\.(.*)", name):
            ((inner, _),) = renamed({block[2]: value}, _BLOCK).items()
            found[f"blocks.{block[1]}.{inner}"] = value
        elif name == "beit3.encoder.embed_positions.A.weight":
            found["pos_embed"] = value[FAIRSEQ_POSITIONS:].unsqueeze(0)
        else:
            found.update(renamed({name: value}, _ROOT))
    return _joined_qkv(found)


def _joined_qkv(state: State) -> State:
    """Three projections become timm's single one; a lonely one stays, so that a check finds it."""
    found: State = {}
    parts: dict[tuple[str, str], dict[str, tuple[str, Tensor]]] = {}
    for name, value in state.items():
        part = re.fullmatch(r"(blocks\.\d+)\.self_attn\.([qkv])_proj\.A\.(weight|bias)", name)
        if part:
            parts.setdefault((part[1], part[3]), {})[part[2]] = (name, value)
        else:
            found[name] = value
    for (block, kind), three in parts.items():
        if len(three) == 3:
            found[f"{block}.attn.qkv.{kind}"] = torch.cat([three[letter][1] for letter in "qkv"])
        else:
            found.update(three.values())
    return found


MUSK = Adapter(
    name="musk",
    title="MUSK",
    window_px=384,
    arguments={"img_size": 384},
    build=_build,
    convert=_convert,
    source="xiangjx/musk on Hugging Face, model.safetensors",
    licence="CC BY-NC-ND 4.0 (MUSK, Xiang et al. 2025)",
    unused=(
        r".*\.B\.",  # the text branch
        r"beit3\.text_embed\.",
        r"beit3\.vision_embed\.mask_token$",
        r"vision_head\.",
        r"language_head\.",
        r"logit_scale$",
    ),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
