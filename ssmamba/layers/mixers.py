"""Token mixers: SSMamba's DMS, the original Mamba block and VMamba's SS2D (Tables 1 and 6).

All take tokens (B, L, C) in row-major order of an (H, W) grid and return the same shape. One token
more than H·W means that a class token sits in the middle of the sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import cast

import torch
from torch import Tensor, nn

from ssmamba.config import SSMambaConfig
from ssmamba.layers.linear import Linear
from ssmamba.layers.scan_params import ScanParameters
from ssmamba.layers.sequence_conv import SequenceConv
from ssmamba.ops import bidirectional_scan, selective_scan_channel_last
from ssmamba.ops.cuda import causal_conv

Activation = Callable[[Tensor], Tensor]
Grid = tuple[int, int]  # rows and columns of tokens
Mix = Callable[[Tensor, Grid], Tensor]


def silu(x: Tensor) -> Tensor:
    """SiLU, in x's own memory where nothing is differentiated."""
    return nn.functional.silu(x, inplace=not torch.is_grad_enabled())


ACTIVATIONS: dict[str, Activation] = {"silu": silu, "gelu": nn.functional.gelu}


def rank_of(dim: int) -> int:
    return math.ceil(dim / 32)


class DMS(nn.Module):
    """Directional Multi-scale module (§3.2, Eqs. 3-5): a scan branch and a convolution branch."""

    act: Activation

    def __init__(self, dim: int, config: SSMambaConfig) -> None:
        super().__init__()
        half = dim // 2
        self.act = ACTIVATIONS[config.act]
        self.in_proj = Linear(dim, 2 * half)  # both branches in one product
        self.depthwise = nn.ModuleList(SequenceConv(half, k, groups=half) for k in config.kernels)
        self.pointwise = Linear(half, half)
        self.regular = nn.ModuleList(SequenceConv(half, k) for k in config.kernels)
        self.params = nn.ModuleList(
            ScanParameters(half, 2, rank_of(dim), config.d_state)
            for _ in range(2 if config.column_scans else 1)
        )
        self.norm = _scan_norm(half, config)
        self.out_proj = Linear(2 * half, dim)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        x1, x2 = self.in_proj(x).chunk(2, dim=-1)  # (B, L, C/2) each
        x1 = self.act(self.pointwise(_parallel_convs(x1, self.depthwise)))  # Eq. 3
        x2 = self.act(_parallel_convs(x2, self.regular))  # Eq. 4
        rows, *columns = (cast(ScanParameters, p) for p in self.params)
        y = _two_way(x1, rows)
        if columns:
            y = (y + _scan_columns(x1, columns[0], grid)) * 0.5
        y = self.norm(y.to(x2.dtype))
        return self.out_proj(torch.cat([y, x2], dim=-1))  # Eq. 5


class MambaMixer(nn.Module):
    """The original Mamba block (Fig. 1b): causal convolution, one direction, gate; expand 1."""

    act: Activation

    def __init__(self, dim: int, config: SSMambaConfig, kernel: int = 4) -> None:
        super().__init__()
        self.act = ACTIVATIONS[config.act]
        self.in_proj = Linear(dim, 2 * dim)
        self.conv = SequenceConv(dim, kernel, groups=dim, causal=True)
        self.params = ScanParameters(dim, 1, rank_of(dim), config.d_state)
        self.norm = _scan_norm(dim, config)  # of the gated scan, as in Mamba-2
        self.out_proj = Linear(dim, dim)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        u, z = self.in_proj(x).chunk(2, dim=-1)
        u = self._convolved(u)
        p = self.params
        dt, b, c = p(u)
        delta = p.delta(dt)
        scanned = (u.float(), delta[:, :, 0], p.A[0], b[:, :, 0], c[:, :, 0], p.D[0], p.dt_bias[0])
        fused = self.act is silu  # the scan's own gate
        y = selective_scan_channel_last(*scanned, z=z if fused else None)
        assert isinstance(y, Tensor)  # a pair only where the last state is asked for
        y = y.to(z.dtype)
        return self.out_proj(self.norm(y if fused else y * self.act(z)))

    def _convolved(self, u: Tensor) -> Tensor:
        """Eq. 2's convolution and activation, through causal-conv1d where that can be."""
        if not causal_conv.fits(u, self.conv.kernel_size[0]):
            return self.act(self.conv(u))
        fused = self.act is silu
        y = causal_conv.run(u, self.conv.weight, self.conv.bias, silu=fused)
        return y if fused else self.act(y)


class SS2D(nn.Module):
    """VMamba's 2-D selective scan: four directions over the grid, normalised and gated."""

    act: Activation

    def __init__(self, dim: int, config: SSMambaConfig) -> None:
        super().__init__()
        self.act = ACTIVATIONS[config.act]
        self.in_proj = Linear(dim, 2 * dim)
        self.conv = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.rows = ScanParameters(dim, 2, rank_of(dim), config.d_state)
        self.columns = ScanParameters(dim, 2, rank_of(dim), config.d_state)
        self.norm = nn.LayerNorm(dim)
        self.out_proj = Linear(dim, dim)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        u, z = self.in_proj(x).chunk(2, dim=-1)
        tokens, middle = split_middle(u.contiguous(), grid)
        image = tokens.unflatten(1, grid).permute(0, 3, 1, 2)
        tokens = self.conv(image).permute(0, 2, 3, 1).flatten(1, 2)
        u = self.act(join_middle(tokens, middle))
        y = _two_way(u, self.rows) + _scan_columns(u, self.columns, grid)
        return self.out_proj(self.norm(y.to(z.dtype)) * self.act(z))


MIXERS: dict[str, type[nn.Module]] = {"dms": DMS, "mamba": MambaMixer, "ss2d": SS2D}


def _scan_norm(dim: int, config: SSMambaConfig) -> nn.Module:
    return nn.LayerNorm(dim) if config.scan_norm else nn.Identity()


def _two_way(u: Tensor, params: ScanParameters) -> Tensor:
    """Scan forwards and backwards with separate parameters; the mean of both.

    SSMamba's §3.2 has two directions but no factor; the division by 2 is Vim's.
    """
    dt, b, c = params(u)
    others = (params.A, b, c, params.D, params.dt_bias)
    y = bidirectional_scan(u.float(), dt, *others, delta_weight=params.dt_weight)
    return y * 0.5 if torch.is_grad_enabled() else y.mul_(0.5)


def by_columns(mix: Mix, x: Tensor, grid: Grid) -> Tensor:
    """A mixer over the column-major order of the grid; takes and gives it row by row."""
    across = (grid[1], grid[0])
    return _turn(mix(_turn(x, grid), across), across)


def _scan_columns(u: Tensor, params: ScanParameters, grid: Grid) -> Tensor:
    """The two-way scan over the column-major order of the grid."""
    return by_columns(lambda x, _: _two_way(x, params), u, grid)


def _turn(u: Tensor, grid: Grid) -> Tensor:
    """Reorder (B, H·W [+1], C) from row- to column-major; a class token stays in the middle."""
    tokens, middle = split_middle(u, grid)
    tokens = tokens.unflatten(1, grid).transpose(1, 2).flatten(1, 2)
    return join_middle(tokens, middle)


def split_middle(x: Tensor, grid: Grid) -> tuple[Tensor, Tensor | None]:
    """Take the class token out of the middle of a sequence, when there is one."""
    if x.shape[1] == grid[0] * grid[1]:
        return x, None
    half = (x.shape[1] - 1) // 2
    return torch.cat([x[:, :half], x[:, half + 1 :]], dim=1), x[:, half : half + 1]


def join_middle(tokens: Tensor, middle: Tensor | None) -> Tensor:
    """Put a class token (B, 1, C) into the middle of a sequence."""
    if middle is None:
        return tokens
    half = tokens.shape[1] // 2
    return torch.cat([tokens[:, :half], middle, tokens[:, half:]], dim=1)


def _parallel_convs(x: Tensor, convs: nn.ModuleList) -> Tensor:
    """Sum of convolutions of several widths over (B, L, C): the paper's multi-scale kernels."""
    return reduce(torch.add, (conv(x) for conv in convs))
