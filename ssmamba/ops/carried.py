"""A scan that goes on from a state and tells the state that it ends with.

A long sequence can so be scanned in parts. Tokens alone do it, so every backend can, gradients of
both states included. Before the sequence stand N tokens that write the state: the n-th has a step
size of 2^-60, so that nothing decays, B = 2^60 in state n and 0 elsewhere, and u = h[:, n]. Both
are powers of two, so the state arrives to the bit. Behind the sequence stand N tokens that read it:
a step size of 0, u = 0 and C = 1 in state n, so that y is h[:, n].
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmamba.ops.selective_scan import selective_scan_channel_last

WRITES = 2.0**-60


def carried_scan(
    u: Tensor,
    step: Tensor,
    A: Tensor,
    BC: Tensor,
    D: Tensor,
    state: Tensor,
    *,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Scan one direction from ``state`` -> y (batch, L, channels) and the state after it.

    All float32. u: (batch, L, channels); step: the step sizes, after softplus, of the same shape;
    A: (channels, N); BC: B and C side by side, (batch, L, 2 N); D: (channels,); state: (batch,
    channels, N). ``reverse`` walks from the last step to the first.
    """
    batch, length, channels = u.shape
    N = A.shape[-1]
    one = torch.eye(N, dtype=u.dtype, device=u.device).expand(batch, N, N)
    nothing = u.new_zeros(batch, N, max(channels, N))
    writes = torch.full_like(nothing[..., :channels], WRITES)
    u = _between(state.mT, u, nothing[..., :channels], reverse)
    step = _between(writes, step, nothing[..., :channels], reverse)
    write = torch.cat([one / WRITES, nothing[..., :N]], -1)
    BC = _between(write, BC, torch.cat([nothing[..., :N], one], -1), reverse)
    y = selective_scan_channel_last(
        u, step, A, BC[..., :N], BC[..., N:], D, delta_softplus=False, reverse=reverse
    )
    assert isinstance(y, Tensor)  # a pair only where the last state is asked for
    read = y[:, :N] if reverse else y[:, N + length :]
    return y[:, N : N + length], read.mT


def _between(before: Tensor, tokens: Tensor, behind: Tensor, reverse: bool) -> Tensor:
    """In the order of the walk."""
    return torch.cat([behind, tokens, before] if reverse else [before, tokens, behind], 1)
