"""Tensors in, compiled kernels, tensors out: the cpu backend without autograd.

Letters and shapes as in ``ops/reference.py``; float32 inside whatever comes in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmamba.kernels import library
from ssmamba.kernels.layout import (
    LANES,
    backward_floats,
    forward_floats,
    is_narrow,
    narrow_backward_floats,
    narrow_forward_floats,
    padded_lanes,
    padded_states,
)
from ssmamba.ops.cpu import threads
from ssmamba.ops.cpu.plan import backward_plan, dense_rows, forward_plan
from ssmamba.ops.function import Gradients, Inputs, Options, Outputs

GATES_BACKWARD = False
FORWARD_CHUNK = 64
BACKWARD_CHUNK = 32  # steps between two checkpoints, and steps on the backward pass's tape


def kept_shape(u: Tensor, A: Tensor) -> tuple[int, ...]:
    """(R, batch, K, chunks, 16 S): the states before each chunk, 16 channels side by side.

    Of few channels (R, batch, 1, chunks, channels P), with the states side by side.
    """
    batch, L, channels = u.shape
    R, _, N = A.shape
    chunks = -(-L // BACKWARD_CHUNK)
    if is_narrow(channels, N):
        return R, batch, 1, chunks, channels * padded_lanes(N)
    return R, batch, -(-channels // LANES), chunks, padded_states(N) * LANES


def _planes(R: int, blocks: int) -> int:
    """R where directions are better tasks of their own; 1 where one task takes both in turn."""
    workers = torch.get_num_threads()
    joint, split = R * -(-blocks // workers), -(-R * blocks // workers)
    return R if split < joint else 1


def _groups(batch: int, planes: int, most: int) -> int:
    """Parts of the channels, so that each thread has a task; ``most`` that there can be."""
    return max(1, min(most, -(-torch.get_num_threads() // max(1, batch * planes))))


def _sum_planes(planes: Tensor) -> Tensor:
    return planes[0] if planes.shape[0] == 1 else planes[0].add_(planes[1])


def forward_low_rank(inputs: Inputs, weight: Tensor, softplus: bool) -> Tensor:
    """y, with dt (batch, L, R, rank) for delta and ``weight`` (R, channels, rank)."""
    options = Options(softplus, reverse=False)
    return forward(inputs, options, keep=False, want_state=False, weight=weight)[0]


def forward(
    inputs: Inputs, options: Options, *, keep: bool, want_state: bool, weight: Tensor | None = None
) -> Outputs:
    """Return y (u's dtype), the last state, and the checkpoints (both empty unless wanted)."""
    u, A = inputs[0], inputs[2]
    batch, L, channels = u.shape
    R, _, N = A.shape
    softplus, reverse, z = options
    assert z is None or R == 1  # of two directions, the sum would have to be gated
    narrow = is_narrow(channels, N)
    *blocks, chunks, size = kept_shape(u, A)
    planes = _planes(R, batch * blocks[2])
    groups = _groups(batch, planes, channels) if narrow else blocks[2]
    y = torch.empty(planes, batch, L, channels)
    checkpoints = torch.empty(*blocks, chunks if keep else 0, size)
    state = torch.empty(batch if want_state else 0, R, channels, N)
    tasks = planes * batch * groups
    prepared = [None if x is None else dense_rows(x) for x in (*inputs, weight, z)]
    shape = (batch, L, channels, R, N)
    chunk = BACKWARD_CHUNK if keep else FORWARD_CHUNK
    numbers = (planes, chunk, keep, want_state, softplus, reverse, narrow)
    plan = forward_plan(tasks, shape, numbers, groups, prepared, (y, checkpoints, state))
    work = R * batch * L * channels * N
    rank = 0 if weight is None else weight.shape[2]
    if narrow:
        floats = narrow_forward_floats(chunk, N, rank, -(-channels // groups))
    else:
        floats = forward_floats(chunk, N, rank)
    threads.run(library.get("forward"), plan, tasks, work, floats)  # prepared is still alive
    y = _sum_planes(y)
    return (y if u.dtype == torch.float32 else y.to(u.dtype)), state, checkpoints


def backward(
    inputs: Inputs, options: Options, kept: Tensor, grad_y: Tensor, grad_state: Tensor | None
) -> Gradients:
    """Gradients of the seven inputs in float32; ``kept`` are the forward pass's checkpoints."""
    u, A = inputs[0], inputs[2]
    batch, L, channels = u.shape
    R, _, N = A.shape
    narrow = is_narrow(channels, N)
    planes = _planes(R, batch)
    # Slots share the channels of one sequence among threads; each has partial sums for B and C.
    slots = _groups(batch, planes, channels if narrow else kept.shape[2])
    tasks = planes * batch * slots
    grad_u = torch.empty(planes, batch, L, channels)
    grad_delta = torch.empty(batch, L, R, channels)
    grad_A = torch.empty(batch, R, channels, N)
    grad_B, grad_C = (torch.empty(batch, slots, L, R, N) for _ in range(2))
    grad_D, grad_bias = (torch.empty(R, batch, channels) for _ in range(2))
    outputs = (grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias)
    given = (*inputs, grad_y, kept, grad_state)
    prepared = [None if x is None else dense_rows(x) for x in given]
    shape = (batch, L, channels, R, N)
    numbers = (planes, BACKWARD_CHUNK, False, False, options.softplus, options.reverse, narrow)
    plan = backward_plan(tasks, shape, numbers, slots, prepared, outputs)
    work = 3 * R * batch * L * channels * N
    if narrow:
        floats = narrow_backward_floats(BACKWARD_CHUNK, N, -(-channels // slots))
    else:
        floats = backward_floats(BACKWARD_CHUNK, N, -(-kept.shape[2] // slots))
    threads.run(library.get("backward"), plan, tasks, work, floats)  # prepared is still alive
    return (
        _sum_planes(grad_u),
        grad_delta,
        grad_A[0] if batch == 1 else grad_A.sum(0),
        grad_B[:, 0] if slots == 1 else grad_B.sum(1),
        grad_C[:, 0] if slots == 1 else grad_C.sum(1),
        grad_D[:, 0] if batch == 1 else grad_D.sum(1),
        grad_bias[:, 0] if batch == 1 else grad_bias.sum(1),
        None,
    )
