"""A ViT trunk whose tokens are pooled in another way than timm's, and a head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssmamba.models.timm_models import timm_model


class PooledTrunk(nn.Module):
    """A timm ViT, a pooling of its tokens, and a head; with timm's doors for both.

    Args:
        trunk: timm's VisionTransformer without a head.
        pool: (B, prefix + N, C) normalised tokens -> (B, F).
        num_features: F.
        classes: logits of the head; 0 = no head, ``forward`` gives features.
    """

    def __init__(self, trunk: nn.Module, pool: nn.Module, num_features: int, classes: int) -> None:
        super().__init__()
        self.trunk, self.pool, self.num_features = trunk, pool, num_features
        self.head: nn.Module = nn.Identity()
        self.reset_classifier(classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised -> pooled features (B, F)."""
        return self.pool(self.trunk.forward_features(x))  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.forward_features(x))

    def get_classifier(self) -> nn.Module:
        return self.head

    def reset_classifier(self, classes: int) -> None:
        self.head = nn.Linear(self.num_features, classes) if classes else nn.Identity()


class ClassAndMean(nn.Module):
    """The class token beside the mean of the patch tokens, registers left out."""

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, prefix + N, C) -> (B, 2 C)."""
        return torch.cat([tokens[:, 0], tokens[:, self.prefix :].mean(1)], dim=1)


class AttentionPool(nn.Module):
    """One learned query attends to all tokens (CoCa's pooler), then LayerNorm."""

    def __init__(self, dim: int, context: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, dim))
        self.attn = nn.MultiheadAttention(dim, heads, kdim=context, vdim=context, batch_first=True)
        self.ln_q, self.ln_k = nn.LayerNorm(dim), nn.LayerNorm(context)
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, context) -> (B, dim)."""
        tokens = self.ln_k(tokens)
        query = self.ln_q(self.query).expand(len(tokens), 1, -1)
        return self.norm(self.attn(query, tokens, tokens, need_weights=False)[0][:, 0])


def vit(name: str, arguments: dict[str, Any], classes: int = 0) -> nn.Module:
    """A timm ViT; activations and MLPs that JSON cannot hold are given by name."""
    from timm.layers import SwiGLUPacked  # seconds to import

    given = dict(arguments)
    swiglu = given.pop("swiglu", False)
    own = {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU} if swiglu else {}
    return timm_model(name, given, classes, **own)
