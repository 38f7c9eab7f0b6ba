"""HIPT (Chen et al. 2022): a ViT over the tiles of each square of 16 × 16, then a transformer over
the squares.

The first ("ViT_4096-256") is published with weights; the second is trained anew in each task, there
as here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, relu, scaled_dot_product_attention

from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.gated import GatedAttention

SIDE = 16  # tiles along a square, 4,096 px
TRAINED = 14  # places along a side in the file, for which positions are kept
NUDGE = 0.1  # of a place, that DINO adds before it enlarges positions
GLOBAL_HEADS, GLOBAL_LAYERS = 3, 2


class HIPT(SlideEncoder):
    """Args: features of a tile (384 of HIPT's own ViT_256-16), dim and depth of the ViT."""

    def __init__(self, features: int, dim: int, depth: int, dropout: float, heads: int = 6) -> None:
        super().__init__()
        self.num_features = dim
        self.local = LocalViT(features, dim, depth, heads)
        self.phi = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout))
        layer = nn.TransformerEncoderLayer(dim, GLOBAL_HEADS, dim, dropout, relu, batch_first=True)
        self.squares = nn.TransformerEncoder(layer, GLOBAL_LAYERS, enable_nested_tensor=False)
        self.attention = GatedAttention(dim, dim, dropout)
        self.rho = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout))

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D + 2), the last two columns x and y in sides of a tile -> (dim,)."""
        found = self.squares(self.phi(self.local_features(slide))[None])[0]
        return self.rho((found * self.attention(found)[:, None]).sum(0))

    def local_features(self, slide: Tensor) -> Tensor:
        """(N, D + 2) -> (squares, dim), row by row. Tiles that are not there have no token."""
        places = slide[:, -2:].floor().long()
        places = places - places.min(0).values
        square, inside = places // SIDE, places % SIDE
        columns = int(square[:, 0].max()) + 1
        number = square[:, 1] * columns + square[:, 0]
        known, found = self.local.known(), []
        for one in number.unique().tolist():
            own = number == one
            at = inside[own, 1] * SIDE + inside[own, 0]
            order = at.argsort()
            found.append(self.local(slide[own, :-2][order], known[at[order]]))
        return torch.stack(found)

    def empty(self, slide: Tensor) -> Tensor:
        """A bag without features at the same places."""
        return torch.cat([torch.zeros_like(slide[:, :-2]), slide[:, -2:]], dim=1)


class LocalViT(nn.Module):
    """DINO's ViT on features in place of pixels."""

    def __init__(self, features: int, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.embed = nn.Linear(features, dim)
        self.cls_token = nn.Parameter(torch.randn(1, dim) * 0.02)
        self.positions = nn.Parameter(torch.randn(TRAINED**2 + 1, dim) * 0.02)
        self.blocks = nn.ModuleList(_Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def known(self) -> Tensor:
        """What a place of a square, row · 16 + column, adds to its token: (256, dim)."""
        grid = self.positions[1:].T.unflatten(1, (TRAINED, TRAINED))
        scale = (SIDE + NUDGE) / TRAINED
        larger = interpolate(grid[None], scale_factor=(scale, scale), mode="bicubic")[0]
        return larger.flatten(1).T

    def forward(self, tiles: Tensor, known: Tensor) -> Tensor:
        """Features of tiles (n, D), and what their places add (n, dim) -> (dim,)."""
        first = self.cls_token + self.positions[:1]
        tokens = torch.cat([first, gelu(self.embed(tiles)) + known])
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)[0]


class _Block(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(n, dim) -> (n, dim)."""
        q, k, v = (
            part.unflatten(1, (self.heads, -1)).transpose(0, 1)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=1)
        )
        mixed = scaled_dot_product_attention(q[None], k[None], v[None])[0]
        x = x + self.proj(mixed.transpose(0, 1).flatten(1))
        return x + self.fc2(gelu(self.fc1(self.norm2(x))))
