"""Tensors as the kernels' plans tell of them (see ``ssmamba/kernels/layout.py``)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ssmamba.kernels import layout

Plan = Any  # a ctypes array of int64


def dense_rows(tensor: Tensor) -> Tensor:
    """As float32 in the processor's memory, the last axis dense; a copy only where needed."""
    if not tensor.is_cpu:
        raise ValueError(f"a scan's inputs must be on one device; found cpu and {tensor.device}")
    if tensor.dtype is not torch.float32:
        tensor = tensor.float()
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def place(tensor: Tensor | None, axes: int) -> Sequence[int]:
    """Address and strides of a tensor of ``axes`` axes, but for the last; zeros for None."""
    if tensor is None:
        return (0,) * axes
    strides = [layout.FLOAT_BYTES * stride for stride in tensor.stride()[:-1]]
    return (tensor.data_ptr(), *strides)


def forward_plan(
    tasks: int,
    shape: tuple[int, int, int, int, int],
    options: tuple[int, ...],
    groups: int,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
) -> Plan:
    """``shape`` and ``options`` in the layout's order; inputs went through ``dense_rows``.

    The plan holds addresses only: who runs it keeps the tensors alive.
    """
    *scanned, weight, z = inputs
    entries = [
        *(0, tasks, 0, 0, 0, *shape, *options, *_scanned(scanned), *place(weight, 3)),
        *(0 if weight is None else weight.shape[2], *place(z, 3), groups),
        *[output.data_ptr() for output in outputs],
    ]
    return (ctypes.c_int64 * layout.FORWARD_SIZE)(*entries)


def backward_plan(
    tasks: int,
    shape: tuple[int, int, int, int, int],
    options: tuple[int, ...],
    slots: int,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
) -> Plan:
    """As ``forward_plan``; after the seven inputs come grad_y, what was kept, and grad_state."""
    *scanned, grad_y, kept, grad_last = inputs
    assert kept is not None
    entries = [
        *(0, tasks, 0, 0, 0, *shape, *options, *_scanned(scanned), *place(grad_y, 3)),
        *(kept.data_ptr(), *place(grad_last, 4), slots),
        *[output.data_ptr() for output in outputs],
    ]
    return (ctypes.c_int64 * layout.BACKWARD_SIZE)(*entries)


def _scanned(inputs: Sequence[Tensor | None]) -> list[int]:
    u, delta, a, b, c, d, bias = inputs
    return [
        *(*place(u, 3), *place(delta, 4), *place(a, 3), *place(b, 4), *place(c, 4)),
        *(*place(d, 2), *place(bias, 2)),
    ]
