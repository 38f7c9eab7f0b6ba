"""The input-dependent parameters of selective scans (Mamba §3.2), for several directions at once.

Glossary: u input, delta step size, A state decay, B and C input and output maps, D skip;
G directions, R rank of delta, N states per channel, L tokens, c channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from ssmamba.layers.linear import Linear
from ssmamba.ops.low_rank import project_delta

DELTA_MIN, DELTA_MAX = 1e-3, 1e-1  # range of softplus(delta bias) at the start (Mamba)


class ScanParameters(nn.Module):
    """Projects tokens to delta, B and C of G directions, and holds A, D and delta's bias."""

    def __init__(self, dim: int, directions: int, rank: int, states: int) -> None:
        super().__init__()
        self.channels, self.directions, self.rank, self.states = dim, directions, rank, states
        self.x_proj = Linear(dim, directions * (rank + 2 * states), bias=False)
        self.dt_weight = nn.Parameter(torch.empty(directions, dim, rank))
        self.dt_bias = nn.Parameter(_delta_bias(directions, dim))
        a = torch.arange(1, states + 1, dtype=torch.float32)
        self.A_log = nn.Parameter(a.log().expand(directions, dim, states).clone())
        self.D = nn.Parameter(torch.ones(directions, dim))
        nn.init.uniform_(self.dt_weight, -(rank**-0.5), rank**-0.5)

    @property
    def A(self) -> Tensor:
        """(G, c, N) float32, always negative."""
        return -torch.exp(self.A_log.float())

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, L, c) -> low-rank delta (B, L, G, R), float32, B and C (B, L, G, N); all views."""
        groups, rank, states = self.directions, self.rank, self.states
        low = self.x_proj(u).float()  # (B, L, G R + G 2N); delta's path stays in float32
        dt, bc = low.split([groups * rank, groups * 2 * states], dim=-1)
        bc = bc.unflatten(-1, (groups, 2 * states))
        return dt.unflatten(-1, (groups, rank)), bc[..., :states], bc[..., states:]

    def one_way(self, u: Tensor, direction: int) -> tuple[Tensor, Tensor]:
        """Of one direction the step sizes after softplus (B, L, c), and B and C (B, L, 2N) side by
        side; float32. By torch's own products, as a segment of a sequence wants them."""
        rank, states, g = self.rank, self.states, direction
        weight, start = self.x_proj.weight, self.directions * rank + 2 * g * states
        own = torch.cat([weight[g * rank : (g + 1) * rank], weight[start : start + 2 * states]])
        dt, bc = linear(u, own).float().split([rank, 2 * states], dim=-1)
        with torch.autocast(u.device.type, enabled=False):
            return softplus(linear(dt, self.dt_weight[g].float(), self.dt_bias[g].float())), bc

    def delta(self, dt: Tensor) -> Tensor:
        """Low-rank delta (B, L, G, R) -> delta (B, L, G, c) before its bias."""
        return project_delta(dt, self.dt_weight)


def _delta_bias(directions: int, dim: int) -> Tensor:
    """Inverse softplus of step sizes spread log-uniformly over DELTA_MIN .. DELTA_MAX."""
    span = math.log(DELTA_MAX) - math.log(DELTA_MIN)
    step = torch.exp(torch.rand(directions, dim) * span + math.log(DELTA_MIN))
    return step + torch.log(-torch.expm1(-step))
