"""The scan on the CPU: tasks of 16 channels, chunk by chunk, compiled by numba.

    delta_t = softplus(delta_t + delta_bias)
    h_t     = exp(delta_t A) h_{t-1} + delta_t B_t u_t          ZOH, Mamba §3.2
    y_t     = C_t h_t + D u_t

Shapes of the arguments (all float32; the last axis contiguous, other strides free)
    u, grad_y         (batch, L, channels)
    delta             (batch, L, R, channels)      R directions; the second one runs backwards
    B, C              (batch, L, R, N)
    decay             (R, K, 16 S)                 A * log2(e); K blocks of 16 channels, S >= N states
    D, bias           (R, 16 K)
    y, grad_u         (planes, batch, L, channels) planes = R: one for each direction, to be added up;
                                                   planes = 1: the second direction adds to the first
    checkpoints       (R, batch, K, chunks, 16 S)  states before each chunk; chunks = 0: not wanted
    last, grad_last   (R, batch, K, 16 S)          states after the last step; batch = 0: not wanted
    grad_B, grad_C    (batch, slots, L, R, N)      one partial sum for each slot of channel blocks
Channels beyond the last full 16 are masked; states beyond N have decay 0 and B = C = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from ssmamba.ops.cpu import vectors as v
from ssmamba.ops.cpu.blocks import (
    BACKWARD_ROW,
    FORWARD_ROW,
    GATHERED,
    backward_block_1,
    backward_block_8,
    forward_block_1,
    forward_block_8,
    forward_block_16,
)
from ssmamba.ops.cpu.vectors import LANES

LN_2 = np.float32(0.6931471805599453)
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def _scratch(size: int) -> Any:
    """An uninitialised float32 array that begins on a cache line."""
    array = np.empty(size + LANES, np.float32)
    start = ((64 - array.ctypes.data % 64) % 64) // 4
    return array[start : start + size]


@njit(**_OPTIONS)
def _padded(count: int) -> int:
    return (count + LANES - 1) // LANES * LANES


@njit(**_OPTIONS)
def _read(array: Any, row: int, column: int, width: int) -> Any:
    if width >= LANES:
        return v.load_row(array, row, column)
    return v.load_row_head(array, row, column, width)


@njit(**_OPTIONS)
def _write(array: Any, row: int, column: int, width: int, value: Any) -> None:
    if width >= LANES:
        v.store_row(array, row, column, value)
    else:
        v.store_row_head(array, row, column, width, value)


@njit(**_OPTIONS)
def _copy_bc(
    B: Any, C: Any, first: int, step: int, count: int, w: Any, bc: int, bc_size: int
) -> None:
    N = B.shape[1]
    half = bc_size // 2
    for t in range(count):
        at = bc + t * bc_size
        for n in range(0, N, LANES):
            v.store(w, at + n, _read(B, first + step * t, n, N - n))
            v.store(w, at + half + n, _read(C, first + step * t, n, N - n))


@njit(**_OPTIONS)
def _clear(w: Any, start: int, stop: int) -> None:
    zero = v.splat(np.float32(0.0))
    for i in range(start, stop, LANES):
        v.store(w, i, zero)


@njit(**_OPTIONS)
def _copy(source: Any, source_at: int, target: Any, target_at: int, size: int) -> None:
    for i in range(0, size, LANES):
        v.store(target, target_at + i, v.load(source, source_at + i))


# ---------------------------------------------------------------- forward


@njit(**_OPTIONS)
def _forward_scratch(chunk: int, states: int, N: int) -> int:
    return states * LANES + chunk * FORWARD_ROW + chunk * 2 * _padded(N)


@njit(**_OPTIONS)
def _forward_rows(
    u: Any, delta: Any, D: Any, bias: Any, k: int, first: int, step: int, count: int,
    softplus: bool, w: Any, rows: int,
) -> None:  # fmt: skip
    c = k * LANES
    width = u.shape[1] - c
    skip = v.load(D, c)
    shift = v.load(bias, c)
    for t in range(count):
        at = rows + t * FORWARD_ROW
        x = v.add(_read(delta, first + step * t, c, width), shift)
        if softplus:
            x = v.softplus(x)
        value = _read(u, first + step * t, c, width)
        v.store(w, at, x)
        v.store(w, at + LANES, v.multiply(x, value))
        v.store(w, at + 2 * LANES, v.multiply(value, skip))


@njit(**_OPTIONS)
def _forward_states(
    w: Any, rows: int, bc: int, bc_size: int, count: int, states: int, decay: Any
) -> None:
    total = decay.size // LANES
    if total == 1:
        forward_block_1(w, rows, bc, bc_size, count, states, decay, 0)
        return
    n = 0
    while n + 16 <= total:
        forward_block_16(w, rows, bc + n, bc_size, count, states + n * LANES, decay, n * LANES)
        n += 16
    if n < total:
        forward_block_8(w, rows, bc + n, bc_size, count, states + n * LANES, decay, n * LANES)


@njit(**_OPTIONS)
def _forward_scan(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    k: int, chunk: int, softplus: bool, backwards: bool, accumulate: bool, w: Any,
) -> None:  # fmt: skip
    """One direction of one block of channels; the states are left at the start of ``w``."""
    L = u.shape[0]
    c = k * LANES
    width = u.shape[1] - c
    size = decay.size
    rows = size
    bc = rows + chunk * FORWARD_ROW
    bc_size = 2 * _padded(B.shape[1])
    _clear(w, 0, size)
    for start in range(0, L, chunk):
        count = min(chunk, L - start)
        first = L - 1 - start if backwards else start
        step = -1 if backwards else 1
        if checkpoints.shape[0] > 0:
            _copy(w, 0, checkpoints[start // chunk], 0, size)
        _forward_rows(u, delta, D, bias, k, first, step, count, softplus, w, rows)
        _copy_bc(B, C, first, step, count, w, bc, bc_size)
        _forward_states(w, rows, bc, bc_size, count, 0, decay)
        for t in range(count):
            value = v.load(w, rows + t * FORWARD_ROW + 2 * LANES)
            if accumulate:
                value = v.add(value, _read(y, first + step * t, c, width))
            _write(y, first + step * t, c, width, value)


@njit(**_OPTIONS)
def _forward_task(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    last: Any, chunk: int, softplus: bool, reverse: bool, task: int,
) -> None:  # fmt: skip
    R, K = decay.shape[0], decay.shape[1]
    planes = y.shape[0]
    plane, rest = task % planes, task // planes
    k, b = rest % K, rest // K
    w = _scratch(_forward_scratch(chunk, decay.shape[2] // LANES, B.shape[3]))
    for r in range(R):
        if planes > 1 and r != plane:
            continue
        _forward_scan(
            u[b], delta[b, :, r], decay[r, k], B[b, :, r], C[b, :, r], D[r], bias[r], y[plane, b],
            checkpoints[r, b, k], k, chunk, softplus, reverse != (r == 1), r > plane, w,
        )  # fmt: skip
        if last.shape[1] > 0:
            _copy(w, 0, last[r, b, k], 0, decay.shape[2])


_f3, _f4 = types.Array(types.float32, 3, "A"), types.Array(types.float32, 4, "A")
_c2, _c3, _c4, _c5 = (types.Array(types.float32, n, "C") for n in (2, 3, 4, 5))
_counter = types.Array(types.int64, 1, "C")
_FORWARD = (_f3, _f4, _c3, _f4, _f4, _c2, _c2, _c4, _c5, _c4, types.intp, types.b1, types.b1)


@njit(types.void(*_FORWARD, types.intp, _counter), **_OPTIONS)
def forward_shared(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    last: Any, chunk: int, softplus: bool, reverse: bool, tasks: int, counter: Any,
) -> None:  # fmt: skip
    """Take tasks from the shared counter until none is left; any number of threads may call it."""
    task = v.fetch_add_one(counter)
    while task < tasks:
        _forward_task(
            u, delta, decay, B, C, D, bias, y, checkpoints, last, chunk, softplus, reverse, task
        )
        task = v.fetch_add_one(counter)


@njit(types.void(*_FORWARD, types.intp), parallel=True, **_OPTIONS)
def forward_parallel(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, y: Any, checkpoints: Any,
    last: Any, chunk: int, softplus: bool, reverse: bool, tasks: int,
) -> None:  # fmt: skip
    """All tasks on numba's threads (OpenMP or TBB)."""
    for task in prange(tasks):
        _forward_task(
            u, delta, decay, B, C, D, bias, y, checkpoints, last, chunk, softplus, reverse, task
        )


# ---------------------------------------------------------------- backward


@njit(**_OPTIONS)
def _backward_scratch(chunk: int, states: int, N: int, blocks: int) -> int:
    tape = (chunk + 1) * 2 * LANES * min(states, 8)
    gathered = chunk * GATHERED * ((states + 7) // 8)
    kept = blocks * (2 * states + 2) * LANES  # carry, gradient of A; of D and the bias
    return chunk * BACKWARD_ROW + chunk * 2 * _padded(N) + tape + gathered + kept


@njit(**_OPTIONS)
def _backward_rows(
    u: Any, delta: Any, grad_y: Any, bias: Any, k: int, first: int, step: int, count: int,
    softplus: bool, w: Any, rows: int,
) -> None:  # fmt: skip
    c = k * LANES
    width = u.shape[1] - c
    shift = v.load(bias, c)
    zero, one = v.splat(np.float32(0.0)), v.splat(np.float32(1.0))
    for t in range(count):
        at = rows + t * BACKWARD_ROW
        row = first + step * t
        x = v.add(_read(delta, row, c, width), shift)
        slope = one
        if softplus:
            slope = v.sigmoid(x)
            x = v.softplus(x)
        value = _read(u, row, c, width)
        v.store(w, at, x)
        v.store(w, at + LANES, v.multiply(x, value))
        v.store(w, at + 2 * LANES, _read(grad_y, row, c, width))
        v.store(w, at + 3 * LANES, zero)
        v.store(w, at + 4 * LANES, zero)
        v.store(w, at + 5 * LANES, value)
        v.store(w, at + 6 * LANES, slope)


@njit(**_OPTIONS)
def _backward_states(
    w: Any, rows: int, bc: int, bc_size: int, count: int, tape: int, kept: int, gathered: int,
    decay: Any, checkpoint: Any,
) -> None:  # fmt: skip
    total = decay.size // LANES
    size = decay.size
    gathered_size = GATHERED * ((total + 7) // 8)
    if total == 1:
        _copy(checkpoint, 0, w, tape + LANES, LANES)
        backward_block_1(
            w, rows, bc, bc_size, count, tape, kept, kept + size, gathered, gathered_size, decay, 0
        )
        return
    for n in range(0, total, 8):
        at = n * LANES
        _copy(checkpoint, at, w, tape + 8 * LANES, 8 * LANES)
        backward_block_8(
            w, rows, bc + n, bc_size, count, tape, kept + at, kept + size + at,
            gathered + n // 8 * GATHERED, gathered_size, decay, at,
        )  # fmt: skip


@njit(**_OPTIONS)
def _backward_outputs(
    w: Any, rows: int, D: Any, k: int, first: int, step: int, count: int, accumulate: bool,
    grad_u: Any, grad_delta: Any, sums: int,
) -> None:  # fmt: skip
    c = k * LANES
    width = grad_u.shape[1] - c
    skip, ln_2 = v.load(D, c), v.splat(LN_2)
    grad_d, grad_bias = v.load(w, sums), v.load(w, sums + LANES)
    for t in range(count):
        at = rows + t * BACKWARD_ROW
        row = first + step * t
        grad_y, sum_b, value = (
            v.load(w, at + 2 * LANES),
            v.load(w, at + 3 * LANES),
            v.load(w, at + 5 * LANES),
        )
        for_u = v.fma(sum_b, v.load(w, at), v.multiply(grad_y, skip))
        if accumulate:
            for_u = v.add(for_u, _read(grad_u, row, c, width))
        _write(grad_u, row, c, width, for_u)
        by_decay = v.multiply(v.load(w, at + 4 * LANES), ln_2)
        for_delta = v.multiply(v.fma(sum_b, value, by_decay), v.load(w, at + 6 * LANES))
        _write(grad_delta, row, c, width, for_delta)
        grad_d = v.fma(grad_y, value, grad_d)
        grad_bias = v.add(grad_bias, for_delta)
    v.store(w, sums, grad_d)
    v.store(w, sums + LANES, grad_bias)


@njit(**_OPTIONS)
def _write_bc(
    w: Any, gathered: int, size: int, first: int, step: int, count: int, grad_B: Any, grad_C: Any
) -> None:
    N = grad_B.shape[1]
    for t in range(count):
        row = first + step * t
        for n in range(0, N, LANES):
            at = gathered + t * size + n // 8 * GATHERED
            one = v.load(w, at)
            other = v.load(w, at + GATHERED) if n + 8 < N else one
            _write(grad_B, row, n, N - n, v.low_halves(one, other))
            _write(grad_C, row, n, N - n, v.high_halves(one, other))


@njit(**_OPTIONS)
def _backward_scan(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, grad_y: Any,
    checkpoints: Any, grad_last: Any, chunk: int, softplus: bool, backwards: bool,
    accumulate: bool, k0: int, k1: int, grad_u: Any, grad_delta: Any, grad_decay: Any,
    grad_B: Any, grad_C: Any, grad_D: Any, grad_bias: Any, w: Any,
) -> None:  # fmt: skip
    """One direction of the channel blocks k0 <= k < k1, from the last chunk to the first."""
    L = u.shape[0]
    size = decay.shape[1]
    states = size // LANES
    bc = chunk * BACKWARD_ROW
    bc_size = 2 * _padded(B.shape[1])
    tape = bc + chunk * bc_size
    gathered_size = GATHERED * ((states + 7) // 8)
    gathered = tape + (chunk + 1) * 2 * LANES * min(states, 8)
    kept = gathered + chunk * gathered_size
    kept_size = 2 * size + 2 * LANES
    _clear(w, kept, kept + (k1 - k0) * kept_size)
    if grad_last.shape[0] > 0:
        for k in range(k0, k1):
            _copy(grad_last[k], 0, w, kept + (k - k0) * kept_size, size)
    for start in range((L - 1) // chunk * chunk, -1, -chunk):
        count = min(chunk, L - start)
        first = L - 1 - start if backwards else start
        step = -1 if backwards else 1
        _copy_bc(B, C, first, step, count, w, bc, bc_size)
        _clear(w, gathered, gathered + count * gathered_size)
        for k in range(k0, k1):
            at = kept + (k - k0) * kept_size
            checkpoint = checkpoints[k, start // chunk]
            _backward_rows(u, delta, grad_y, bias, k, first, step, count, softplus, w, 0)
            _backward_states(w, 0, bc, bc_size, count, tape, at, gathered, decay[k], checkpoint)
            _backward_outputs(
                w, 0, D, k, first, step, count, accumulate, grad_u, grad_delta, at + 2 * size
            )
        _write_bc(w, gathered, gathered_size, first, step, count, grad_B, grad_C)
    for k in range(k0, k1):
        at = kept + (k - k0) * kept_size + size
        _copy(w, at, grad_decay[k], 0, size)
        _copy(w, at + size, grad_D, k * LANES, LANES)
        _copy(w, at + size + LANES, grad_bias, k * LANES, LANES)


@njit(**_OPTIONS)
def _backward_task(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, grad_y: Any,
    checkpoints: Any, grad_last: Any, chunk: int, softplus: bool, reverse: bool, grad_u: Any,
    grad_delta: Any, grad_decay: Any, grad_B: Any, grad_C: Any, grad_D: Any, grad_bias: Any,
    task: int,
) -> None:  # fmt: skip
    R, K = decay.shape[0], decay.shape[1]
    planes, slots = grad_u.shape[0], grad_B.shape[1]
    plane, rest = task % planes, task // planes
    slot, b = rest % slots, rest // slots
    k0, k1 = slot * K // slots, (slot + 1) * K // slots
    w = _scratch(_backward_scratch(chunk, decay.shape[2] // LANES, B.shape[3], k1 - k0))
    for r in range(R):
        if planes > 1 and r != plane:
            continue
        given = min(grad_last.shape[1], 1)  # an empty view where no gradient comes from the state
        _backward_scan(
            u[b], delta[b, :, r], decay[r], B[b, :, r], C[b, :, r], D[r], bias[r], grad_y[b],
            checkpoints[r, b], grad_last[r, b * given, : K * given], chunk, softplus,
            reverse != (r == 1), r > plane, k0, k1, grad_u[plane, b], grad_delta[b, :, r],
            grad_decay[r, b], grad_B[b, slot, :, r], grad_C[b, slot, :, r], grad_D[r, b],
            grad_bias[r, b], w,
        )  # fmt: skip


_BACKWARD = (
    *(_f3, _f4, _c3, _f4, _f4, _c2, _c2, _f3, _c5, _c4, types.intp, types.b1, types.b1),
    *(_c4, _c4, _c4, _c5, _c5, _c3, _c3),
)  # fmt: skip


@njit(types.void(*_BACKWARD, types.intp, _counter), **_OPTIONS)
def backward_shared(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, grad_y: Any,
    checkpoints: Any, grad_last: Any, chunk: int, softplus: bool, reverse: bool, grad_u: Any,
    grad_delta: Any, grad_decay: Any, grad_B: Any, grad_C: Any, grad_D: Any, grad_bias: Any,
    tasks: int, counter: Any,
) -> None:  # fmt: skip
    """Take tasks from the shared counter until none is left; any number of threads may call it."""
    task = v.fetch_add_one(counter)
    while task < tasks:
        _backward_task(
            u, delta, decay, B, C, D, bias, grad_y, checkpoints, grad_last, chunk, softplus,
            reverse, grad_u, grad_delta, grad_decay, grad_B, grad_C, grad_D, grad_bias, task,
        )  # fmt: skip
        task = v.fetch_add_one(counter)


@njit(types.void(*_BACKWARD, types.intp), parallel=True, **_OPTIONS)
def backward_parallel(
    u: Any, delta: Any, decay: Any, B: Any, C: Any, D: Any, bias: Any, grad_y: Any,
    checkpoints: Any, grad_last: Any, chunk: int, softplus: bool, reverse: bool, grad_u: Any,
    grad_delta: Any, grad_decay: Any, grad_B: Any, grad_C: Any, grad_D: Any, grad_bias: Any,
    tasks: int,
) -> None:  # fmt: skip
    """All tasks on numba's threads (OpenMP or TBB)."""
    for task in prange(tasks):
        _backward_task(
            u, delta, decay, B, C, D, bias, grad_y, checkpoints, grad_last, chunk, softplus,
            reverse, grad_u, grad_delta, grad_decay, grad_B, grad_C, grad_D, grad_bias, task,
        )  # fmt: skip
