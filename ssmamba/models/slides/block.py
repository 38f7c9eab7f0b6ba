"""The bidirectional Mamba block of Vim and Pixel-Mamba (Pixel-Mamba Eq. 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ssmamba.layers.linear import Linear
from ssmamba.layers.scan_params import ScanParameters
from ssmamba.layers.sequence_conv import SequenceConv
from ssmamba.ops import bidirectional_scan, selective_scan_channel_last


class BidirectionalBlock(nn.Module):
    """T + fc((SSM_f(ψ(x)) + SSM_b(ψ(x))) / 2 · SiLU(fc_z(norm(T)))), x = fc_x(norm(T)) (Eq. 1).

    The division by 2 is Vim's. The norm is an RMSNorm: over three channels a LayerNorm would take
    away how bright a pixel is.

    Args:
        dim: channels of a token.
        d_state, expand, conv_width: see PixelMambaConfig.
        separate_convs: a ψ for each direction, as in Vim's code; else one, as in Eq. 1.
    """

    def __init__(
        self,
        dim: int,
        *,
        d_state: int = 16,
        expand: int = 2,
        conv_width: int = 4,
        separate_convs: bool = False,
    ) -> None:
        super().__init__()
        inner = expand * dim
        self.norm = nn.RMSNorm(dim, eps=1e-5)
        self.in_proj = Linear(dim, 2 * inner, bias=False)  # fc_x and fc_z in one product
        self.conv = SequenceConv(inner, conv_width, groups=inner, causal=True)
        self.conv_back: nn.Module | None = None
        rank = math.ceil(dim / 16)
        if separate_convs:
            self.conv_back = SequenceConv(inner, conv_width, groups=inner, causal=True)
            self.params = ScanParameters(inner, 1, rank, d_state)
            self.params_back = ScanParameters(inner, 1, rank, d_state)
        else:
            self.params = ScanParameters(inner, 2, rank, d_state)
        self.out_proj = Linear(inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        u, z = self.in_proj(self.norm(x)).chunk(2, dim=-1)
        y = self._both_ways(u).to(z.dtype) * silu(z)
        return x + self.out_proj(y)

    def _both_ways(self, u: Tensor) -> Tensor:
        """The mean of the scans in both directions, (B, L, inner) float32."""
        if self.conv_back is not None:
            there = _one_way(silu(self.conv(u)), self.params)
            back = _one_way(silu(self.conv_back(u.flip(1))), self.params_back).flip(1)
            return (there + back) * 0.5
        u, p = silu(self.conv(u)), self.params
        dt, b, c = p(u)
        return 0.5 * bidirectional_scan(
            u.float(), dt, p.A, b, c, p.D, p.dt_bias, delta_weight=p.dt_weight
        )


def _one_way(u: Tensor, p: ScanParameters) -> Tensor:
    dt, b, c = p(u)
    delta = p.delta(dt)[:, :, 0]
    y = selective_scan_channel_last(
        u.float(), delta, p.A[0], b[:, :, 0], c[:, :, 0], p.D[0], p.dt_bias[0]
    )
    assert isinstance(y, torch.Tensor)  # a pair only where the last state is asked for
    return y
