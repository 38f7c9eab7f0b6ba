"""TransMIL (Shao et al. 2021): attention between tiles, with Nyström's approximation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ssmamba.models.slides.encoder import SlideEncoder

LANDMARKS = 256
PINV_STEPS = 6


class TransMIL(SlideEncoder):
    """Two layers of attention around a position encoding by convolutions; a class token answers."""

    def __init__(self, features: int, hidden: int, heads: int = 8) -> None:
        super().__init__()
        self.num_features = hidden
        self.embed = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.cls_token = nn.Parameter(torch.randn(1, hidden))
        self.first, self.second = (_Layer(hidden, heads) for _ in range(2))
        self.positions = PPEG(hidden)
        self.norm = nn.LayerNorm(hidden)

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D), in the slide's order -> (hidden,)."""
        tiles = self.embed(slide)
        side = math.ceil(math.sqrt(len(tiles)))
        filled = torch.cat(
            [tiles, tiles[: side * side - len(tiles)]]
        )  # from its start, as published
        tokens = self.first(torch.cat([self.cls_token, filled]))
        tokens = self.second(self.positions(tokens, side))
        return self.norm(tokens[0])


class _Layer(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(dim), NystromAttention(dim, heads)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, dim) -> (N, dim)."""
        return tokens + self.attention(self.norm(tokens))


class PPEG(nn.Module):
    """Position encoding: depthwise convolutions of 7, 5 and 3 cells over the tiles as a square."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(dim, dim, width, padding=width // 2, groups=dim) for width in (7, 5, 3)
        )

    def forward(self, tokens: Tensor, side: int) -> Tensor:
        """A class token and side² tokens, (1 + side², dim) -> the same."""
        image = tokens[1:].T.unflatten(1, (side, side))[None]
        image = image + sum(conv(image) for conv in self.convs)
        return torch.cat([tokens[:1], image[0].flatten(1).T])


class NystromAttention(nn.Module):
    """Softmax attention through landmarks (Xiong et al. 2021), plus a convolution of the values.

    With no more tokens than landmarks it is softmax attention itself.
    """

    def __init__(self, dim: int, heads: int, landmarks: int = LANDMARKS, width: int = 33) -> None:
        super().__init__()
        self.heads, self.landmarks = heads, landmarks
        self.qkv, self.out = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.local = nn.Conv2d(
            heads, heads, (width, 1), padding=(width // 2, 0), groups=heads, bias=False
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, dim) -> (N, dim)."""
        q, k, v = (
            part.unflatten(1, (self.heads, -1)).transpose(0, 1)
            for part in self.qkv(tokens).chunk(3, dim=1)
        )  # (heads, N, dim / heads) each
        mixed = self._attend(q * q.shape[-1] ** -0.5, k, v) + self.local(v[None])[0]
        return self.out(mixed.transpose(0, 1).flatten(1))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if q.shape[1] <= self.landmarks:
            return (q @ k.mT).softmax(-1) @ v
        few_q, few_k = (_means(part, self.landmarks) for part in (q, k))
        from_all = (q @ few_k.mT).softmax(-1)  # (heads, N, m)
        between = (few_q @ few_k.mT).softmax(-1)  # (heads, m, m)
        to_all = (few_q @ k.mT).softmax(-1)  # (heads, m, N)
        return from_all @ (pseudo_inverse(between) @ (to_all @ v))


def _means(tokens: Tensor, count: int) -> Tensor:
    """(heads, N, d) -> means of ``count`` stretches of like length, (heads, count, d)."""
    length = tokens.shape[1]
    edges = torch.arange(count + 1, device=tokens.device) * length // count
    sums = torch.cat([tokens.new_zeros(len(tokens), 1, tokens.shape[2]), tokens.cumsum(1)], dim=1)
    return (sums[:, edges[1:]] - sums[:, edges[:-1]]) / (edges[1:] - edges[:-1])[:, None]


def pseudo_inverse(matrix: Tensor) -> Tensor:
    """Moore and Penrose's inverse of (…, m, m) by iteration (Xiong et al. 2021, Eq. 11)."""
    rows, columns = matrix.abs().sum(-1).amax(-1), matrix.abs().sum(-2).amax(-1)
    z = matrix.mT / (rows * columns)[..., None, None]
    eye = torch.eye(matrix.shape[-1], device=matrix.device, dtype=matrix.dtype)
    for _ in range(PINV_STEPS):
        az = matrix @ z
        z = 0.25 * z @ (13 * eye - az @ (15 * eye - az @ (7 * eye - az)))
    return z
