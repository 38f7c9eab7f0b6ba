"""Tensors in, compiled kernels, tensors out: the numba backend without autograd.

Letters and shapes as in ``ops/reference.py``; float32 inside whatever comes in.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ssmamba.ops.cpu import kernels, threads
from ssmamba.ops.cpu.vectors import LANES, LOG2_E

FORWARD_CHUNK = 64
BACKWARD_CHUNK = 32  # steps between two checkpoints, and steps on the backward pass's tape


class _Inputs(NamedTuple):
    """What both passes read: rows contiguous, float32, A, D and bias packed for the kernels."""

    u: Tensor
    delta: Tensor
    decay: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    bias: Tensor


def _rows(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().to(torch.float32)
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _pack(A: Tensor) -> Tensor:
    """(R, channels, N) -> (R, K, 16 S): 16 channels side by side, zeros for what is padded."""
    R, channels, N = A.shape
    K, S = -(-channels // LANES), 1 if N == 1 else -(-N // 8) * 8
    if (channels, N) != (K * LANES, S):
        A = torch.nn.functional.pad(A, (0, S - N, 0, K * LANES - channels))
    return A.reshape(R, K, LANES, S).transpose(2, 3).reshape(R, K, S * LANES)


def _unpack(packed: Tensor, channels: int, N: int) -> Tensor:
    """(R, K, 16 S) -> (R, channels, N)."""
    R, K, size = packed.shape
    S = size // LANES
    return packed.view(R, K, S, LANES).transpose(2, 3).reshape(R, K * LANES, S)[:, :channels, :N]


def _pack_channels(values: Tensor | None, R: int, channels: int) -> Tensor:
    padding = -channels % LANES
    if values is None:
        return torch.zeros(R, channels + padding)
    values = values.detach().to(torch.float32)
    return torch.nn.functional.pad(values, (0, padding)) if padding else values.contiguous()


def _prepare(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
) -> _Inputs:
    R, channels, _ = A.shape
    return _Inputs(
        _rows(u),
        _rows(delta),
        _pack(A.detach().to(torch.float32) * LOG2_E),
        _rows(B),
        _rows(C),
        _pack_channels(D, R, channels),
        _pack_channels(delta_bias, R, channels),
    )


def _planes(R: int, blocks: int) -> int:
    """R where directions are better tasks of their own; 1 where one task takes both in turn."""
    workers = torch.get_num_threads()
    joint, split = R * -(-blocks // workers), -(-R * blocks // workers)
    return R if split < joint else 1


def _sum_planes(planes: Tensor) -> Tensor:
    return planes[0] if planes.shape[0] == 1 else planes[0].add_(planes[1])


def forward(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    reverse: bool,
    *,
    keep: bool,
    want_state: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (u's dtype), the last state, and the checkpoints (both empty unless wanted)."""
    x = _prepare(u, delta, A, B, C, D, delta_bias)
    batch, L, channels = u.shape
    R, K, size = x.decay.shape
    chunk = BACKWARD_CHUNK if keep else FORWARD_CHUNK
    planes = _planes(R, batch * K)
    y = torch.empty(planes, batch, L, channels)
    last = torch.empty(R, batch if want_state else 0, K, size)
    checkpoints = torch.empty(R, batch, K, -(-L // chunk) if keep else 0, size)
    threads.run(
        kernels.forward_shared,
        kernels.forward_parallel,
        (*(t.numpy() for t in (*x, y, checkpoints, last)), chunk, delta_softplus, reverse),
        planes * batch * K,
        R * u.numel() * size // LANES,
    )
    state = torch.empty(0)
    if want_state:
        state = _unpack(last.flatten(0, 1), channels, A.shape[2])
        state = state.view(R, batch, channels, A.shape[2]).transpose(0, 1)
    return _sum_planes(y).to(u.dtype), state, checkpoints


def backward(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    reverse: bool,
    kept: Tensor,
    grad_y: Tensor,
    grad_state: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of the seven inputs in float32; ``kept`` are the forward pass's checkpoints."""
    x = _prepare(u, delta, A, B, C, D, delta_bias)
    batch, L, channels = u.shape
    N = A.shape[2]
    R, K, size = x.decay.shape
    planes = _planes(R, batch)
    # Slots share the channels of one sequence among threads; each has partial sums for B and C.
    slots = max(1, min(K, -(-torch.get_num_threads() // max(1, batch * planes))))
    last = torch.empty(R, 0, K, size)
    if grad_state is not None:
        last = _pack(grad_state.float().transpose(0, 1).flatten(0, 1)).view(R, batch, K, size)
    grad_u = torch.empty(planes, batch, L, channels)
    grad_delta = torch.empty(batch, L, R, channels)
    grad_decay = torch.empty(R, batch, K, size)
    grad_B, grad_C = (torch.empty(batch, slots, L, R, N) for _ in range(2))
    grad_D, grad_bias = (torch.empty(R, batch, K * LANES) for _ in range(2))
    arrays = (t.numpy() for t in (*x, _rows(grad_y), kept, last))
    outputs = (grad_u, grad_delta, grad_decay, grad_B, grad_C, grad_D, grad_bias)
    threads.run(
        kernels.backward_shared,
        kernels.backward_parallel,
        (*arrays, BACKWARD_CHUNK, delta_softplus, reverse, *(t.numpy() for t in outputs)),
        planes * batch * slots,
        3 * R * u.numel() * size // LANES,
    )
    return (
        _sum_planes(grad_u),
        grad_delta,
        _unpack(grad_decay.sum(1), channels, N),
        grad_B[:, 0] if slots == 1 else grad_B.sum(1),
        grad_C[:, 0] if slots == 1 else grad_C.sum(1),
        grad_D.sum(1)[:, :channels],
        grad_bias.sum(1)[:, :channels],
    )
