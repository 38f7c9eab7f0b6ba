"""Prov-GigaPath's slide encoder (Xu et al. 2024): LongNet over the features of all tiles."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.published.longnet import RATIOS, LongNetLayer, segments_for, sines

LONGEST = (262_144 // 256) ** 2  # tiles of the largest slide that it is made for
HEADS = 16


class GigaPathSlide(SlideEncoder):
    """A class token before the tiles, which know their place by fixed sines.

    Args:
        features: of a tile, 1,536 of its own tile encoder.
        dim: channels; 768, 1,024 or 1,536 in the published files.
        depth: layers.
    """

    def __init__(self, features: int, dim: int, depth: int, heads: int = HEADS) -> None:
        super().__init__()
        self.num_features = dim
        self.embed = nn.Linear(features, dim)
        self.cls_token = nn.Parameter(torch.randn(1, dim) * 0.02)
        segments = segments_for(LONGEST)
        self.blocks = nn.ModuleList(
            LongNetLayer(dim, heads, segments, RATIOS) for _ in range(depth)
        )
        self.last = nn.LayerNorm(dim, eps=1e-5)
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D + 2), the last two columns x and y in sides of a tile -> (dim,)."""
        tiles, places = slide[:, :-2], slide[:, -2:].floor()
        half = self.num_features // 2
        known = torch.cat([sines(places[:, 1], half), sines(places[:, 0], half)], dim=1)
        tokens = torch.cat([self.cls_token, self.embed(tiles) + known])[None]
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(self.last(tokens))[0, 0]

    def empty(self, slide: Tensor) -> Tensor:
        """A bag without features at the same places."""
        return torch.cat([torch.zeros_like(slide[:, :-2]), slide[:, -2:]], dim=1)
