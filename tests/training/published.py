"""Names and shapes in the published files of pathology encoders, and small ones like them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch

from ssmamba.models.foundation import ADAPTERS, Adapter

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Size:
    """Widths and depths of a published encoder, or of a small one."""

    dim: int
    depth: int
    tokens: int  # with class and register tokens
    patch: int
    fc1: int
    fc2: int  # inputs of the second layer: half of fc1 with SwiGLU
    registers: int = 0
    scales: bool = True  # LayerScale
    pool: int = 0  # width of CONCH's pooled embedding


FULL = {
    "uni": Size(1024, 24, 197, 16, 4096, 4096),
    "gigapath": Size(1536, 40, 197, 16, 8192, 4096),
    "virchow2": Size(1280, 32, 261, 14, 6832, 3416, registers=4),
    "conch": Size(768, 12, 785, 16, 3072, 3072, scales=False, pool=512),
    "musk": Size(1024, 24, 577, 16, 4096, 4096, scales=False),
}

SMALL = {
    "uni": Size(16, 2, 17, 16, 64, 64),
    "gigapath": Size(16, 2, 17, 16, 64, 32),
    "virchow2": Size(16, 2, 21, 14, 64, 32, registers=4),
    "conch": Size(16, 2, 17, 16, 64, 64, scales=False, pool=8),
    "musk": Size(16, 2, 17, 16, 64, 64, scales=False),
}
_TINY_VIT = {"embed_dim": 16, "depth": 2, "num_heads": 2}
SMALL_ARGUMENTS = {
    "uni": {"img_size": 64, **_TINY_VIT},
    "gigapath": {"img_size": 64, "mlp_ratio": 4.0, **_TINY_VIT},
    "virchow2": {"img_size": 56, "mlp_ratio": 4.0, **_TINY_VIT},
    "conch": {"img_size": 64, "pool_dim": 8, "pool_heads": 2, **_TINY_VIT},
    "musk": {"img_size": 64, **_TINY_VIT},
    "ctranspath": {
        "img_size": 64,
        "embed_dim": 16,
        "depths": [1, 2, 2, 1],
        "num_heads": [1, 1, 2, 2],
        "window_size": 2,
    },
}


def small(name: str) -> Adapter:
    """An adapter of the same kind for a network that a test can afford."""
    own = SMALL_ARGUMENTS[name]
    adapter = ADAPTERS[name]
    arguments = {**adapter.arguments, **own}
    return replace(adapter, arguments=arguments, window_px=int(str(own["img_size"])))


def shapes(name: str, full: bool) -> Shapes:
    """{name in the published file: shape}."""
    if name == "ctranspath":
        return ctranspath(96, (2, 2, 6, 2), (3, 6, 12, 24), 7) if full else _small_swin()
    size = (FULL if full else SMALL)[name]
    return {"conch": conch, "musk": musk}.get(name, vit)(size)


def values(wanted: Shapes, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random tensors of these shapes; variances above 0."""
    generator = torch.Generator().manual_seed(seed)
    found = {k: torch.randn(v, generator=generator) * 0.1 for k, v in wanted.items()}
    return {k: v.abs() + 0.5 if k.endswith("running_var") else v for k, v in found.items()}


def _below(prefix: str, inner: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in inner.items()}


def _layers(names: Iterable[str], rows: int, columns: int) -> Shapes:
    found: Shapes = {}
    for name in names:
        found |= {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}
    return found


def _norms(names: Iterable[str], dim: int) -> Shapes:
    return {f"{name}.{part}": (dim,) for name in names for part in ("weight", "bias")}


def vit(s: Size) -> Shapes:
    """timm's vision transformer: UNI, Prov-GigaPath, Virchow2."""
    found: Shapes = {
        "cls_token": (1, 1, s.dim),
        "pos_embed": (1, s.tokens, s.dim),
        "patch_embed.proj.weight": (s.dim, 3, s.patch, s.patch),
        "patch_embed.proj.bias": (s.dim,),
        **_norms(["norm"], s.dim),
    }
    if s.registers:
        found["reg_token"] = (1, s.registers, s.dim)
    for i in range(s.depth):
        block = {
            **_norms(["norm1", "norm2"], s.dim),
            **_layers(["attn.qkv"], 3 * s.dim, s.dim),
            **_layers(["attn.proj"], s.dim, s.dim),
            **_layers(["mlp.fc1"], s.fc1, s.dim),
            **_layers(["mlp.fc2"], s.dim, s.fc2),
        }
        if s.scales:
            block |= {"ls1.gamma": (s.dim,), "ls2.gamma": (s.dim,)}
        found |= _below(f"blocks.{i}.", block)
    return found


def conch(s: Size) -> Shapes:
    """CONCH's whole file: image tower with two poolers, text tower, text decoder."""

    def pooler(width: int, queries: int) -> Shapes:
        return {
            "query": (queries, width),
            "attn.q_proj_weight": (width, width),
            "attn.k_proj_weight": (width, s.dim),
            "attn.v_proj_weight": (width, s.dim),
            "attn.in_proj_bias": (3 * width,),
            **_layers(["attn.out_proj"], width, width),
            **_norms(["ln_q"], width),
            **_norms(["ln_k"], s.dim),
        }

    return {
        "logit_scale": (),
        **_below("visual.trunk.", vit(s)),
        **_below("visual.attn_pool_contrast.", pooler(s.pool, 1)),
        **_norms(["visual.ln_contrast"], s.pool),
        "visual.proj_contrast": (s.pool, s.pool),
        "visual.attn_pool_caption.query": (256, s.dim),
        **_norms(["visual.ln_caption"], s.dim),
        "text.token_embedding.weight": (7, s.dim),
        "text.text_projection": (s.dim, s.pool),
        **_norms(["text.ln_final", "text_decoder.ln_final"], s.dim),
    }


def musk(s: Size) -> Shapes:
    """MUSK's whole file: BEiT-3 with a branch A for images and B for text."""
    found: Shapes = {
        "beit3.text_embed.weight": (9, s.dim),
        "beit3.vision_embed.mask_token": (1, 1, s.dim),
        "beit3.vision_embed.cls_token": (1, 1, s.dim),
        "beit3.vision_embed.proj.weight": (s.dim, 3, s.patch, s.patch),
        "beit3.vision_embed.proj.bias": (s.dim,),
        "beit3.encoder.embed_positions.A.weight": (s.tokens + 2, s.dim),
        "beit3.encoder.embed_positions.B.weight": (1024, s.dim),
        "vision_head.weight": (s.dim, s.dim),
        "language_head.weight": (s.dim, s.dim),
        "logit_scale": (),
    }
    for branch in "AB":
        found |= _norms([f"beit3.encoder.layer_norm.{branch}"], s.dim)
        for i in range(s.depth):
            attention = [f"self_attn.{part}_proj.{branch}" for part in ("k", "v", "q", "out")]
            norms = ["self_attn_layer_norm", "self_attn.inner_attn_ln", "final_layer_norm"]
            layer = {
                **_layers(attention, s.dim, s.dim),
                **_norms([f"{name}.{branch}" for name in norms], s.dim),
                **_layers([f"ffn.{branch}.fc1"], s.fc1, s.dim),
                **_layers([f"ffn.{branch}.fc2"], s.dim, s.fc1),
                **_norms([f"ffn.{branch}.ffn_layernorm"], s.fc1),
            }
            found |= _below(f"beit3.encoder.layers.{i}.", layer)
    return found


def _small_swin() -> Shapes:
    return ctranspath(16, (1, 2, 2, 1), (1, 1, 2, 2), 2)


def ctranspath(dim: int, depths: tuple[int, ...], heads: tuple[int, ...], window: int) -> Shapes:
    """CTransPath's file, which an old timm wrote: buffers too, downsampling ends a stage."""
    narrow = dim // 8
    found: Shapes = {
        "patch_embed.proj.0.weight": (narrow, 3, 3, 3),
        "patch_embed.proj.3.weight": (2 * narrow, narrow, 3, 3),
        "patch_embed.proj.6.weight": (dim, 2 * narrow, 1, 1),
        "patch_embed.proj.6.bias": (dim,),
        **_norms(["patch_embed.norm"], dim),
        **_norms(["norm"], 8 * dim),
    }
    for place, width in ((1, narrow), (4, 2 * narrow)):
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"patch_embed.proj.{place}.{part}"] = (width,)
        found[f"patch_embed.proj.{place}.num_batches_tracked"] = ()
    for stage, (depth, count) in enumerate(zip(depths, heads, strict=True)):
        width = dim << stage
        for i in range(depth):
            block = {
                **_norms(["norm1", "norm2"], width),
                **_layers(["attn.qkv"], 3 * width, width),
                **_layers(["attn.proj"], width, width),
                **_layers(["mlp.fc1"], 4 * width, width),
                **_layers(["mlp.fc2"], width, 4 * width),
                "attn.relative_position_bias_table": ((2 * window - 1) ** 2, count),
                "attn.relative_position_index": (window**2, window**2),
            }
            if i % 2:
                block["attn_mask"] = (4, window**2, window**2)
            found |= _below(f"layers.{stage}.blocks.{i}.", block)
        if stage < 3:
            found[f"layers.{stage}.downsample.reduction.weight"] = (2 * width, 4 * width)
            found |= _norms([f"layers.{stage}.downsample.norm"], 4 * width)
    return found
