"""Inputs of a forward scan, as one array of integers instead of a dozen arrays.

Each task's views of arrays cost numba their counted references: 24 tasks of one step each took 18.5
us with them, 4.7 with this plan, and all 49 steps take 34. So a plan holds addresses and strides
(both in bytes; the last axis is dense), and the kernel works out where things are.

Entries 0 and 1 count the tasks taken and the tasks there are. Letters as in ``ops/reference.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

FLOAT_BYTES = 4

# fmt: off
(
    TAKEN, TASKS,
    BATCH, LENGTH, CHANNELS, DIRECTIONS, STATES,
    PLANES,            # of y: R, one for each direction, or 1, where the second adds to the first
    CHUNK,             # steps at a time, and between two checkpoints
    KEEP, WANT_STATE, SOFTPLUS, REVERSE,  # 0 or 1
    U, U_BATCH, U_ROW,
    DELTA, DELTA_BATCH, DELTA_ROW, DELTA_DIRECTION,
    A, A_DIRECTION, A_CHANNEL,
    B, B_BATCH, B_ROW, B_DIRECTION,
    C, C_BATCH, C_ROW, C_DIRECTION,
    D, D_DIRECTION,          # address 0: none
    BIAS, BIAS_DIRECTION,    # address 0: none
    WEIGHT, WEIGHT_DIRECTION, WEIGHT_CHANNEL,  # (R, channels, rank): what makes delta, or none
    RANK,                    # 0: delta is given; else it has so many entries, to be multiplied
    Z, Z_BATCH, Z_ROW,       # address 0: no gate
    Y,                       # dense, as are the next two
    CHECKPOINTS,
    LAST,
    SIZE,
) = range(46)
# fmt: on


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
    return (tensor.data_ptr(), *[FLOAT_BYTES * stride for stride in tensor.stride()[:-1]])


def make_plan(
    tasks: int,
    shape: tuple[int, int, int, int, int],
    options: tuple[int, ...],
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """``shape`` and ``options`` in the order above; inputs went through ``dense_rows``.

    The plan holds addresses only: who runs it keeps the tensors alive.
    """
    u, delta, a, b, c, d, bias, weight, z = inputs
    entries = [
        *(0, tasks, *shape, *options),
        *(*place(u, 3), *place(delta, 4), *place(a, 3), *place(b, 4), *place(c, 4)),
        *(*place(d, 2), *place(bias, 2), *place(weight, 3)),
        *(0 if weight is None else weight.shape[2], *place(z, 3)),
        *[output.data_ptr() for output in outputs],
    ]
    return np.array(entries, np.int64)
