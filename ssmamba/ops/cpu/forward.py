"""The forward scan on the CPU: tasks of 16 channels, chunk by chunk, compiled by numba.

    delta_t = softplus(delta_t + delta_bias)
    h_t     = exp(delta_t A) h_{t-1} + delta_t B_t u_t          ZOH, Mamba §3.2
    y_t     = C_t h_t + D u_t

Letters as in ``ops/reference.py``. All arrays are float32; rows (last axes) are contiguous, A may
have any strides; R directions, the second one walks the other way; K blocks of 16 channels, S >= N
padded states:

u            (batch, L, channels)
delta        (batch, L, R, channels)
A            (R, channels, N)
B, C         (batch, L, R, N)
D, bias      (R, channels), or (R, 0) for none
y            (planes, batch, L, channels)  R planes: one for each direction, to be added up by the
                                           caller; one plane: the second direction adds to the first
checkpoints  (R, batch, K, chunks, 16 S)   states before each chunk; no chunks: not wanted
last         (batch, R, channels, N)       states after the last step; no batch: not wanted
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from ssmamba.ops.cpu import vectors as v
from ssmamba.ops.cpu.blocks import (
    FORWARD_ROW,
    forward_block_1,
    forward_block_8,
    forward_block_16,
)
from ssmamba.ops.cpu.common import (
    OPTIONS,
    clear,
    copy,
    copy_bc,
    pack_states,
    padded_lanes,
    padded_states,
    read,
    scratch,
    unpack_states,
    write,
)
from ssmamba.ops.cpu.vectors import LANES

LOG2_E = np.float32(v.LOG2_E)


@njit(**OPTIONS)
def _rows(
    u: Any, delta: Any, D: Any, bias: Any, r: int, k: int, first: int, step: int, count: int,
    softplus: bool, w: Any, rows: int,
) -> None:  # fmt: skip
    c = k * LANES
    skip = read(D, r, c)
    shift = read(bias, r, c)
    for t in range(count):
        at = rows + t * FORWARD_ROW
        x = v.add(read(delta, first + step * t, c), shift)
        if softplus:
            x = v.softplus(x)
        value = read(u, first + step * t, c)
        v.store(w, at, x)
        v.store(w, at + LANES, v.multiply(x, value))
        v.store(w, at + 2 * LANES, v.multiply(value, skip))


@njit(**OPTIONS)
def _states(
    w: Any, rows: int, bc: int, bc_size: int, count: int, states: int, decay: int, S: int
) -> None:
    if S == 1:
        forward_block_1(w, rows, bc, bc_size, count, states, decay)
        return
    n = 0
    while n + 16 <= S:
        at = n * LANES
        forward_block_16(w, rows, bc + n, bc_size, count, states + at, decay + at)
        n += 16
    if n < S:
        at = n * LANES
        forward_block_8(w, rows, bc + n, bc_size, count, states + at, decay + at)


@njit(**OPTIONS)
def _scratch_size(chunk: int, N: int) -> int:
    return 2 * padded_states(N) * LANES + chunk * (FORWARD_ROW + 2 * padded_lanes(N))


@njit(**OPTIONS)
def _scan(
    u: Any, delta: Any, A: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    r: int, k: int, chunk: int, softplus: bool, backwards: bool, accumulate: bool, w: Any,
) -> None:  # fmt: skip
    """One direction of one block of channels; the states are left at the start of ``w``."""
    L = u.shape[0]
    c = k * LANES
    S = padded_states(A.shape[1])
    size = S * LANES
    decay, rows = size, 2 * size
    bc = rows + chunk * FORWARD_ROW
    bc_size = 2 * padded_lanes(A.shape[1])
    step = -1 if backwards else 1
    clear(w, 0, size)
    pack_states(A, k, LOG2_E, w, decay)
    for start in range(0, L, chunk):
        count = min(chunk, L - start)
        first = L - 1 - start if backwards else start
        if checkpoints.shape[0] > 0:
            copy(w, 0, checkpoints[start // chunk], 0, size)
        _rows(u, delta, D, bias, r, k, first, step, count, softplus, w, rows)
        copy_bc(B, C, first, step, count, w, bc, bc_size)
        _states(w, rows, bc, bc_size, count, 0, decay, S)
        for t in range(count):
            value = v.load(w, rows + t * FORWARD_ROW + 2 * LANES)
            if accumulate:
                value = v.add(value, read(y, first + step * t, c))
            write(y, first + step * t, c, value)


@njit(**OPTIONS)
def _task(
    u: Any, delta: Any, A: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    last: Any, chunk: int, softplus: bool, reverse: bool, task: int,
) -> None:  # fmt: skip
    R, K, planes = A.shape[0], checkpoints.shape[2], y.shape[0]
    plane, rest = task % planes, task // planes
    k, b = rest % K, rest // K
    w = scratch(_scratch_size(chunk, A.shape[2]))
    for r in range(R):
        if planes > 1 and r != plane:
            continue
        _scan(
            u[b], delta[b, :, r], A[r], B[b, :, r], C[b, :, r], D, bias, y[plane, b],
            checkpoints[r, b, k], r, k, chunk, softplus, reverse != (r == 1), r > plane, w,
        )  # fmt: skip
        if last.shape[0] > 0:
            unpack_states(w, 0, k, last[b, r])


f2, f3, f4 = (types.Array(types.float32, n, "A") for n in (2, 3, 4))
c2, c3, c4, c5 = (types.Array(types.float32, n, "C") for n in (2, 3, 4, 5))
counter_t = types.Array(types.int64, 1, "C")
_ARGUMENTS = (f3, f4, f3, f4, f4, f2, f2, c4, c5, c4, types.intp, types.b1, types.b1)


@njit(types.void(*_ARGUMENTS, types.intp, counter_t), **OPTIONS)
def forward_shared(
    u: Any, delta: Any, A: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    last: Any, chunk: int, softplus: bool, reverse: bool, tasks: int, counter: Any,
) -> None:  # fmt: skip
    """Take tasks from the shared counter until none is left; any number of threads may call it."""
    task = v.fetch_add_one(counter)
    while task < tasks:
        _task(u, delta, A, B, C, D, bias, y, checkpoints, last, chunk, softplus, reverse, task)
        task = v.fetch_add_one(counter)


@njit(types.void(*_ARGUMENTS, types.intp), parallel=True, **OPTIONS)
def forward_parallel(
    u: Any, delta: Any, A: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    last: Any, chunk: int, softplus: bool, reverse: bool, tasks: int,
) -> None:  # fmt: skip
    """All tasks on numba's threads (OpenMP or TBB)."""
    for task in prange(tasks):
        _task(u, delta, A, B, C, D, bias, y, checkpoints, last, chunk, softplus, reverse, task)
