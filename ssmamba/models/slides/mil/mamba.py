"""MambaMIL (Yang et al. 2024): scans over the tiles in their order, and in a reordered one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from ssmamba.layers.linear import Linear
from ssmamba.layers.scan_params import ScanParameters
from ssmamba.layers.sequence_conv import SequenceConv
from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.gated import GatedAttention
from ssmamba.ops import selective_scan_channel_last


class MambaMIL(SlideEncoder):
    """SR-Mamba blocks and attention pooling."""

    def __init__(
        self, features: int, hidden: int, dropout: float, layers: int = 2, rate: int = 10
    ) -> None:
        super().__init__()
        self.num_features = hidden
        self.embed = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Dropout(dropout))
        self.blocks = nn.ModuleList(SRMamba(hidden, rate) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.attention = GatedAttention(hidden, max(hidden // 4, 1), 0.0)

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D), in the slide's order -> (hidden,)."""
        tiles = self.embed(slide)[None]
        for block in self.blocks:
            tiles = block(tiles)
        tiles = self.norm(tiles[0])
        return (tiles * self.attention(tiles)[:, None]).sum(0)


class SRMamba(nn.Module):
    """x + fc((SSM(ψ(x)) + SSM_r(ψ_r(x)) put back in order) ⊙ SiLU(z)): the second scan goes over
    every ``rate``-th tile first, so that tiles far apart come close.
    """

    def __init__(self, dim: int, rate: int, states: int = 16) -> None:
        super().__init__()
        self.rate = rate
        inner = 2 * dim
        self.norm, self.in_proj = nn.LayerNorm(dim), Linear(dim, 2 * inner, bias=False)
        self.convs = nn.ModuleList(
            SequenceConv(inner, 4, groups=inner, causal=True) for _ in range(2)
        )
        self.params = nn.ModuleList(
            ScanParameters(inner, 1, math.ceil(dim / 16), states) for _ in range(2)
        )
        self.out_proj = Linear(inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(1, N, dim) -> (1, N, dim)."""
        u, z = self.in_proj(self.norm(x)).chunk(2, dim=-1)
        plain = self._scan(u, 0)
        strided = back(self._scan(reorder(u, self.rate), 1), self.rate, u.shape[1])
        return x + self.out_proj((plain + strided) * silu(z))

    def _scan(self, u: Tensor, which: int) -> Tensor:
        conv, p = self.convs[which], self.params[which]
        assert isinstance(p, ScanParameters)
        u = silu(conv(u))
        dt, b, c = p(u)
        delta = p.delta(dt)[:, :, 0]
        y = selective_scan_channel_last(
            u.float(), delta, p.A[0], b[:, :, 0], c[:, :, 0], p.D[0], p.dt_bias[0]
        )
        assert isinstance(y, torch.Tensor)  # a pair only where the last state is asked for
        return y


def reorder(x: Tensor, rate: int) -> Tensor:
    """(1, N, C) -> tiles 0, s, 2 s, …, 1, s + 1, … with s = ⌈N / rate⌉, and zeros in the end."""
    stride = math.ceil(x.shape[1] / rate)
    filled = pad(x, (0, 0, 0, stride * rate - x.shape[1]))
    return filled.unflatten(1, (rate, stride)).transpose(1, 2).flatten(1, 2)


def back(x: Tensor, rate: int, length: int) -> Tensor:
    """The order before ``reorder``, for ``length`` tiles."""
    stride = math.ceil(length / rate)
    return x.unflatten(1, (stride, rate)).transpose(1, 2).flatten(1, 2)[:, :length]
