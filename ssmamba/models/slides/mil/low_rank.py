"""ILRA-MIL (Xiang and Zhang 2023): tiles speak through a few learnt vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, silu

from ssmamba.models.slides.encoder import SlideEncoder


class ILRAMIL(SlideEncoder):
    """Layers in which ``rank`` latent vectors read the tiles and the tiles read them; then a learnt
    query pools the tiles.
    """

    def __init__(
        self, features: int, hidden: int, layers: int = 2, heads: int = 8, rank: int = 64
    ) -> None:
        super().__init__()
        self.num_features = hidden
        self.embed = nn.Linear(features, hidden)
        self.layers = nn.ModuleList(_LowRank(hidden, heads, rank) for _ in range(layers))
        self.query = nn.Parameter(torch.randn(1, hidden) * hidden**-0.5)
        self.pool = nn.MultiheadAttention(hidden, heads, batch_first=True)
        self.norm = nn.LayerNorm(hidden)

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D) -> (hidden,)."""
        tiles = self.embed(slide)
        for layer in self.layers:
            tiles = layer(tiles)
        pooled = self.pool(self.query[None], tiles[None], tiles[None], need_weights=False)[0]
        return self.norm(pooled[0, 0] + self.query[0])


class _LowRank(nn.Module):
    def __init__(self, dim: int, heads: int, rank: int) -> None:
        super().__init__()
        self.latent = nn.Parameter(torch.empty(rank, dim))
        nn.init.xavier_uniform_(self.latent)
        self.read, self.write = _Gated(dim, heads), _Gated(dim, heads)

    def forward(self, tiles: Tensor) -> Tensor:
        """(N, dim) -> (N, dim)."""
        return self.write(tiles, self.read(self.latent, tiles))


class _Gated(nn.Module):
    """Attention of queries to others, gated by the queries, and a layer of one product."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.gate, self.out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.first, self.second = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, queries: Tensor, others: Tensor) -> Tensor:
        """(Q, dim) and (N, dim) -> (Q, dim)."""
        read = self.attention(queries[None], others[None], others[None], need_weights=False)[0][0]
        x = self.first(queries + read) * silu(self.gate(queries))
        return self.second(x + relu(self.out(x)))
