"""Tensors as the kernels' plans tell of them (see ``ssmamba/kernels/layout.py``).

Most of a plan follows from the tensors' shapes and strides. That part is worked out once for each
layout that comes up, as an outline; a call copies it and adds its tensors' addresses.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ssmamba.kernels import layout as p

Plan = Any  # a ctypes array of int64
Strides = tuple[int, ...] | None  # of a tensor, in entries; None where there is none
Shape = tuple[int, ...]

OUTLINES = 256  # layouts that are remembered; every length of a sequence is one of its own
FORWARD_CHUNK = 64
BACKWARD_CHUNK = 32  # steps between two checkpoints, and steps on the backward pass's tape

# Where a plan has the addresses of inputs, further inputs and outputs, in the order they come in.
_INPUTS = (p.U, p.DELTA, p.A, p.B, p.C, p.D, p.BIAS)
FORWARD_PLACES = (*_INPUTS, p.WEIGHT, p.Z, p.Y, p.CHECKPOINTS, p.LAST)
BACKWARD_PLACES = (
    *(*_INPUTS, p.GRAD_Y, p.KEPT, p.GRAD_LAST),
    *(p.GRAD_U, p.GRAD_DELTA, p.GRAD_A, p.GRAD_B, p.GRAD_C, p.GRAD_D, p.GRAD_BIAS),
)


class Outline(NamedTuple):
    """What the layout of a call's tensors decides."""

    plan: Plan  # without addresses
    tasks: int
    work: int  # state updates
    floats: int  # scratch memory of one thread
    outputs: tuple[Shape, ...]  # of the tensors that the kernel fills


def laid_out(
    tensors: Sequence[Tensor | None],
) -> tuple[list[Tensor | None], tuple[Strides, ...]]:
    """As float32 in the processor's memory, the last axis dense, copied only where needed; and
    their strides."""
    dense: list[Tensor | None] = []
    strides: list[Strides] = []
    for x in tensors:
        if x is None:
            dense.append(None)
            strides.append(None)
            continue
        if not x.is_cpu:
            raise ValueError(f"a scan's inputs must be on one device; found cpu and {x.device}")
        if x.dtype is not torch.float32:
            x = x.float()
        if x.is_neg():
            x = x.resolve_neg()
        steps = x.stride()
        if steps[-1] != 1:
            x = x.contiguous()
            steps = x.stride()
        dense.append(x)
        strides.append(steps)
    return dense, tuple(strides)


def addressed(outline: Plan, places: Sequence[int], tensors: Sequence[Tensor | None]) -> Plan:
    """A plan with the tensors' addresses; who runs it keeps the tensors alive."""
    plan = type(outline).from_buffer_copy(outline)
    for at, tensor in zip(places, tensors, strict=True):
        if tensor is not None:
            plan[at] = tensor.data_ptr()
    return plan


def kept_shape(batch: int, L: int, channels: int, R: int, N: int) -> Shape:
    """(R, batch, K, chunks, 16 S): the states before each chunk, 16 channels side by side.

    Of few channels (R, batch, 1, chunks, channels P), with the states side by side.
    """
    chunks = -(-L // BACKWARD_CHUNK)
    if p.is_narrow(channels, N):
        return R, batch, 1, chunks, channels * p.padded_lanes(N)
    return R, batch, -(-channels // p.LANES), chunks, p.padded_states(N) * p.LANES


@lru_cache(OUTLINES)
def forward_outline(
    u: Shape,
    A: Shape,
    rank: int,
    strides: tuple[Strides, ...],
    keep: bool,
    want_state: bool,
    softplus: bool,
    reverse: bool,
    workers: int,
) -> Outline:
    """Shapes of u and A; strides of the seven inputs, a low-rank delta's weight and z.

    Inputs went through ``laid_out``; their axis R may be missing. ``rank`` 0: delta is given.
    Outputs: y's planes, checkpoints, state.
    """
    (batch, L, channels), (R, N) = u, _directions(A)
    *scanned, weight, z = strides
    narrow = p.is_narrow(channels, N)
    *blocks, chunks, size = kept_shape(batch, L, channels, R, N)
    planes = _planes(R, batch * blocks[2], workers)
    groups = _groups(batch, planes, channels, workers) if narrow else blocks[2]
    tasks = planes * batch * groups
    chunk = BACKWARD_CHUNK if keep else FORWARD_CHUNK
    numbers = (planes, chunk, keep, want_state, softplus, reverse, narrow)
    entries = [
        *(0, tasks, 0, 0, 0, batch, L, channels, R, N, *numbers, *_scanned(scanned)),
        *(*_steps(weight, 3), rank, *_steps(z, 3), groups, 0, 0, 0),
    ]
    if narrow:
        floats = p.narrow_forward_floats(chunk, N, rank, -(-channels // groups))
    else:
        floats = p.forward_floats(chunk, N, rank)
    checkpoints = (*blocks, chunks if keep else 0, size)
    state = (batch if want_state else 0, R, channels, N)
    plan = (ctypes.c_int64 * p.FORWARD_SIZE)(*entries)
    work = R * batch * L * channels * N
    return Outline(plan, tasks, work, floats, ((planes, batch, L, channels), checkpoints, state))


@lru_cache(OUTLINES)
def backward_outline(
    u: Shape,
    A: Shape,
    strides: tuple[Strides, ...],
    softplus: bool,
    reverse: bool,
    workers: int,
) -> Outline:
    """As ``forward_outline``; behind the seven inputs come grad_y, what was kept, and grad_state.

    Outputs: gradients of u in planes, and of delta; of A for each sequence, of B and C for each
    slot, of D and delta_bias for each sequence. They have the axis R where the inputs have it.
    """
    (batch, L, channels), (R, N) = u, _directions(A)
    *scanned, grad_y, _, grad_last = strides
    narrow = p.is_narrow(channels, N)
    blocks = kept_shape(batch, L, channels, R, N)[2]
    planes = _planes(R, batch, workers)
    # Slots share the channels of one sequence among threads; each has partial sums for B and C.
    slots = _groups(batch, planes, channels if narrow else blocks, workers)
    tasks = planes * batch * slots
    numbers = (planes, BACKWARD_CHUNK, False, False, softplus, reverse, narrow)
    entries = [
        *(0, tasks, 0, 0, 0, batch, L, channels, R, N, *numbers, *_scanned(scanned)),
        *(*_steps(grad_y, 3), 0, *_steps(grad_last, 4), slots, *[0] * 7),
    ]
    if narrow:
        floats = p.narrow_backward_floats(BACKWARD_CHUNK, N, -(-channels // slots))
    else:
        floats = p.backward_floats(BACKWARD_CHUNK, N, -(-blocks // slots))
    directions = A[:-2]
    bc, vector = (batch, slots, L, *directions, N), (*directions, batch, channels)
    outputs = (
        *((planes, batch, L, channels), (batch, L, *directions, channels)),
        *((batch, *A), bc, bc, vector, vector),
    )
    plan = (ctypes.c_int64 * p.BACKWARD_SIZE)(*entries)
    return Outline(plan, tasks, 3 * R * batch * L * channels * N, floats, outputs)


def _directions(A: Shape) -> tuple[int, int]:
    return (A[0] if len(A) == 3 else 1), A[-1]


def _planes(R: int, blocks: int, workers: int) -> int:
    """R where directions are better tasks of their own; 1 where one task takes both in turn."""
    joint, split = R * -(-blocks // workers), -(-R * blocks // workers)
    return R if split < joint else 1


def _groups(batch: int, planes: int, most: int, workers: int) -> int:
    """Parts of the channels, so that each thread has a task; ``most`` that there can be."""
    return max(1, min(most, -(-workers // max(1, batch * planes))))


def _steps(strides: Strides, axes: int, direction: int | None = None) -> list[int]:
    """Room for an address, and strides in bytes of ``axes`` axes but for the last; zeros for None.

    ``direction``: which of them is R, a stride of 0 where the tensor has no such axis.
    """
    if strides is None:
        return [0] * axes
    steps = [p.FLOAT_BYTES * stride for stride in strides[:-1]]
    if direction is not None and len(steps) < axes - 1:
        steps.insert(direction, 0)
    return [0, *steps]


def _scanned(inputs: Sequence[Strides]) -> list[int]:
    u, delta, a, b, c, d, bias = inputs
    return [
        *(*_steps(u, 3), *_steps(delta, 4, 2), *_steps(a, 3, 0), *_steps(b, 4, 2)),
        *(*_steps(c, 4, 2), *_steps(d, 2, 0), *_steps(bias, 2, 0)),
    ]
