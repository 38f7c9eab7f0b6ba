"""The predictor of LatentMIM: from visible tokens to hidden ones, by cross-attention (§3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.slides.ssl.positions import sinusoidal

PREFIX = "predictor."  # of its weights among a checkpoint's extra tensors
MLP_RATIO = 4
HEAD_DIM = 32


class CrossBlock(nn.Module):
    """Queries read the context, then an MLP of their own; pre-norm, with residuals."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query_norm, self.context_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, max(dim // HEAD_DIM, 1), batch_first=True)
        self.mlp_norm = nn.LayerNorm(dim)
        hidden = MLP_RATIO * dim
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """(t, D) and (n, D) -> (t, D)."""
        seen = self.context_norm(context)[None]
        asked = self.query_norm(queries)[None]
        read, _ = self.attention(asked, seen, seen, need_weights=False)
        queries = queries + read[0]
        return queries + self.mlp(self.mlp_norm(queries))


class Predictor(nn.Module):
    """Latent tokens at hidden places, from the visible tokens and theirs.

    A query knows its place and nothing else. Queries do not read one another.

    Args:
        features: C, channels of the tokens.
        width: D, channels inside, a multiple of 4.
        depth: blocks; three in the thesis.
        position_weight: factor on the positions of both, 1 in the thesis.
        class_positions: whether queries for class tokens know their place. Without it they are
            all one and the same query.
    """

    def __init__(
        self,
        features: int,
        width: int,
        depth: int,
        position_weight: float = 1.0,
        class_positions: bool = True,
    ) -> None:
        super().__init__()
        self.width, self.position_weight = width, position_weight
        self.class_positions = class_positions
        self.embed = nn.Linear(features, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.class_token = nn.Parameter(torch.zeros(width))
        nn.init.trunc_normal_(self.class_token, std=0.02)
        self.blocks = nn.ModuleList(CrossBlock(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, features)

    def forward(self, context: Tensor, seen: Tensor, asked: Tensor, is_class: Tensor) -> Tensor:
        """Visible tokens (n, C) at ``seen`` (n, 2) -> tokens (t, C) at ``asked`` (t, 2).

        Places are rows and columns in tokens; is_class: (t,) bool, queries for class tokens.
        """
        context = self.embed(context) + self._positions(seen)
        place = self._positions(asked)
        if not self.class_positions:
            place = place.masked_fill(is_class[:, None], 0.0)
        queries = self.mask_token + place + is_class[:, None] * self.class_token
        for block in self.blocks:
            queries = block(queries, context)
        return self.out(self.norm(queries))

    def _positions(self, places: Tensor) -> Tensor:
        return self.position_weight * sinusoidal(places, self.width)
