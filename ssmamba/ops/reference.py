"""The scan as a plain loop over time: slow, obvious, and what every backend is tested against.

u           (batch, L, channels)      the sequence
delta       (batch, L, R, channels)   step sizes, before bias and softplus; R directions share u
A           (R, channels, N)          continuous-time decay, negative
B, C        (batch, L, R, N)          how the input enters the state, how the state is read
D           (R, channels) or None     the direct path from u to y
delta_bias  (R, channels) or None     added to delta before softplus
y           (batch, L, channels)      the sum over directions
state       (batch, R, channels, N)   after the last step of each direction

Direction 0 runs forward in time (backward with ``reverse``), direction 1 the other way round.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """Return (y, state) in float64 for float64 input, else in float32; differentiable."""
    dtype = torch.promote_types(u.dtype, torch.float32)
    delta = delta.to(dtype)
    if delta_bias is not None:
        delta = delta + delta_bias.to(dtype)
    if delta_softplus:
        delta = F.softplus(delta)
    outputs, states = [], []
    for r in range(delta.shape[2]):
        y, state = _scan_one(
            u.to(dtype),
            delta[:, :, r],
            A[r].to(dtype),
            B[:, :, r].to(dtype),
            C[:, :, r].to(dtype),
            backwards=reverse != (r == 1),
        )
        outputs.append(y if D is None else y + u.to(dtype) * D[r].to(dtype))
        states.append(state)
    return torch.stack(outputs).sum(0), torch.stack(states, 1)


def _scan_one(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, *, backwards: bool
) -> tuple[Tensor, Tensor]:
    decays = torch.exp(delta.unsqueeze(-1) * A)  # (batch, L, channels, N); ZOH, Mamba §3.2
    inputs = (delta * u).unsqueeze(-1) * B.unsqueeze(2)
    steps = list(zip(decays.unbind(1), inputs.unbind(1), C.unbind(1), strict=True))
    h = u.new_zeros(u.shape[0], u.shape[2], A.shape[1])
    outputs = []
    # unbind and not x[:, t]: the backward pass of indexing is quadratic in L
    for a, x, c in reversed(steps) if backwards else steps:
        h = a * h + x
        outputs.append((h * c.unsqueeze(1)).sum(-1))
    if not outputs:
        return torch.zeros_like(u), h
    return torch.stack(outputs[::-1] if backwards else outputs, 1), h
