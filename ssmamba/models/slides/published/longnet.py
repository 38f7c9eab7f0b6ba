"""LongNet's encoder: pre-norm transformer layers with dilated attention and inner norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from ssmamba.models.slides.published.dilated import dilated_attention

RATIOS = (1, 2, 4, 8, 16)
EPS = 1e-5


class LongNetLayer(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), with a norm inside each ("sub-LN")."""

    def __init__(
        self, dim: int, heads: int, segments: Sequence[int], ratios: Sequence[int], mlp: float = 4
    ) -> None:
        super().__init__()
        self.heads, self.segments, self.ratios = heads, tuple(segments), tuple(ratios)
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=EPS), nn.LayerNorm(dim, eps=EPS)
        self.q, self.k, self.v, self.out = (nn.Linear(dim, dim) for _ in range(4))
        self.inner1 = nn.LayerNorm(dim, eps=EPS)
        inner = round(mlp * dim)
        self.fc1, self.fc2 = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.inner2 = nn.LayerNorm(inner, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, dim) -> (B, L, dim)."""
        y = self.norm1(x)
        parts = [proj(y).unflatten(-1, (self.heads, -1)) for proj in (self.q, self.k, self.v)]
        mixed = dilated_attention(parts[0], parts[1], parts[2], self.segments, self.ratios)
        x = x + self.out(self.inner1(mixed.flatten(-2)))
        return x + self.fc2(self.inner2(gelu(self.fc1(self.norm2(x)))))


def segments_for(longest: int, pairs: int = len(RATIOS), shortest: int = 1024) -> tuple[int, ...]:
    """Lengths of segments in equal ratios from the shortest to the longest, rounded down."""
    first, last = math.log2(shortest), int(math.log2(longest))
    steps = (first + (last - first) * n / (pairs - 1) for n in range(pairs))
    return tuple(int(2**step + 1e-9) for step in steps)


def sines(places: Tensor, dim: int) -> Tensor:
    """(…,) -> (…, dim) float32: sines, then cosines, of wavelengths from 2π to 2π · 10,000."""
    steps = torch.arange(dim // 2, dtype=torch.float64, device=places.device)
    rates = 10_000 ** -(steps / (dim / 2))
    angles = places.double()[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1).float()
