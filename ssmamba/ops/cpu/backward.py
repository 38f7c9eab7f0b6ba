"""The backward scan on the CPU: chunks from the last to the first, states recomputed on the way.

With g_t the gradient of the state h_t (Mamba's recurrence, differentiated):
    g_t          = C_t grad_y_t + exp(delta_{t+1} A) g_{t+1}
    grad_B_t     = sum over channels of g_t delta_t u_t
    grad_C_t     = sum over channels of grad_y_t h_t
    grad_A       = sum over t of g_t exp(delta_t A) h_{t-1} delta_t
    grad_u_t     = delta_t (sum over n of B_t g_t) + D grad_y_t
    grad_delta_t = (u_t sum over n of B_t g_t + sum over n of A g_t exp(delta_t A) h_{t-1})
                   times the slope of softplus

Arrays as in ``forward.py``, and:
grad_y                 (batch, L, channels)
grad_last              (batch, R, channels, N)      no batch: none comes in
grad_u                 (planes, batch, L, channels) planes as for y
grad_delta             (batch, L, R, channels)
grad_A                 (batch, R, channels, N)      to be summed over the batch, as the last two are
grad_B, grad_C         (batch, slots, L, R, N)      one partial sum for each slot of channel blocks
grad_D, grad_bias      (R, batch, channels)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types

from ssmamba.ops.cpu import vectors as v
from ssmamba.ops.cpu.blocks import BACKWARD_ROW, GATHERED, backward_block_1, backward_block_8
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
from ssmamba.ops.cpu.forward import LOG2_E
from ssmamba.ops.cpu.vectors import LANES

LN_2 = np.float32(0.6931471805599453)
ONE = np.float32(1.0)


@njit(**OPTIONS)
def _rows(
    u: Any, delta: Any, grad_y: Any, bias: Any, r: int, k: int, first: int, step: int, count: int,
    softplus: bool, w: Any, rows: int,
) -> None:  # fmt: skip
    c = k * LANES
    shift = read(bias, r, c)
    zero, one = v.splat(np.float32(0.0)), v.splat(ONE)
    for t in range(count):
        at = rows + t * BACKWARD_ROW
        row = first + step * t
        x = v.add(read(delta, row, c), shift)
        slope = one
        if softplus:
            slope = v.sigmoid(x)
            x = v.softplus(x)
        value = read(u, row, c)
        v.store(w, at, x)
        v.store(w, at + LANES, v.multiply(x, value))
        v.store(w, at + 2 * LANES, read(grad_y, row, c))
        v.store(w, at + 3 * LANES, zero)
        v.store(w, at + 4 * LANES, zero)
        v.store(w, at + 5 * LANES, value)
        v.store(w, at + 6 * LANES, slope)


@njit(**OPTIONS)
def _states(
    w: Any, rows: int, bc: int, bc_size: int, count: int, tape: int, kept: int, gathered: int,
    checkpoint: Any,
) -> None:  # fmt: skip
    size = checkpoint.size
    S = size // LANES
    wide = GATHERED * ((S + 7) // 8)
    carry, grad_a, decay = kept, kept + size, kept + 2 * size
    if S == 1:
        copy(checkpoint, 0, w, tape + LANES, LANES)
        backward_block_1(
            w, rows, bc, bc_size, count, tape, carry, grad_a, gathered, wide, decay
        )  # fmt: skip
        return
    for n in range(0, S, 8):
        at = n * LANES
        copy(checkpoint, at, w, tape + 8 * LANES, 8 * LANES)
        backward_block_8(
            w, rows, bc + n, bc_size, count, tape, carry + at, grad_a + at, gathered + 2 * n, wide,
            decay + at,
        )  # fmt: skip


@njit(**OPTIONS)
def _outputs(
    w: Any, rows: int, D: Any, r: int, k: int, first: int, step: int, count: int, accumulate: bool,
    grad_u: Any, grad_delta: Any, sums: int,
) -> None:  # fmt: skip
    c = k * LANES
    skip, ln_2 = read(D, r, c), v.splat(LN_2)
    grad_d, grad_bias = v.load(w, sums), v.load(w, sums + LANES)
    for t in range(count):
        at = rows + t * BACKWARD_ROW
        row = first + step * t
        grad_y, value = v.load(w, at + 2 * LANES), v.load(w, at + 5 * LANES)
        sum_b, sum_a = v.load(w, at + 3 * LANES), v.load(w, at + 4 * LANES)
        for_u = v.fma(sum_b, v.load(w, at), v.multiply(grad_y, skip))
        if accumulate:
            for_u = v.add(for_u, read(grad_u, row, c))
        write(grad_u, row, c, for_u)
        # sum_a was made with A log2(e)
        for_delta = v.fma(sum_b, value, v.multiply(sum_a, ln_2))
        for_delta = v.multiply(for_delta, v.load(w, at + 6 * LANES))
        write(grad_delta, row, c, for_delta)
        grad_d = v.fma(grad_y, value, grad_d)
        grad_bias = v.add(grad_bias, for_delta)
    v.store(w, sums, grad_d)
    v.store(w, sums + LANES, grad_bias)


@njit(**OPTIONS)
def _write_bc(
    w: Any, gathered: int, wide: int, first: int, step: int, count: int, grad_B: Any, grad_C: Any
) -> None:
    N = grad_B.shape[1]
    for t in range(count):
        row = first + step * t
        for n in range(0, N, LANES):
            at = gathered + t * wide + 2 * n
            one = v.load(w, at)
            other = v.load(w, at + GATHERED) if n + 8 < N else one
            write(grad_B, row, n, v.low_halves(one, other))
            write(grad_C, row, n, v.high_halves(one, other))


@njit(**OPTIONS)
def _kept_size(S: int) -> int:
    """For one channel block: carry, gradient of A, A itself, then gradients of D and the bias."""
    return (3 * S + 2) * LANES


@njit(**OPTIONS)
def _scratch_size(chunk: int, N: int, blocks: int) -> int:
    S = padded_states(N)
    tape = (chunk + 1) * 2 * LANES * min(S, 8)
    gathered = chunk * GATHERED * ((S + 7) // 8)
    return chunk * (BACKWARD_ROW + 2 * padded_lanes(N)) + tape + gathered + blocks * _kept_size(S)


@njit(**OPTIONS)
def _begin(A: Any, grad_last: Any, k: int, w: Any, kept: int, size: int) -> None:
    clear(w, kept, kept + 3 * size + 2 * LANES)
    pack_states(A, k, LOG2_E, w, kept + 2 * size)
    if grad_last.shape[0] > 0:
        pack_states(grad_last, k, ONE, w, kept)


@njit(**OPTIONS)
def _end(
    w: Any, kept: int, size: int, b: int, k: int, grad_A: Any, grad_D: Any, grad_bias: Any
) -> None:
    unpack_states(w, kept + size, k, grad_A)
    write(grad_D, b, k * LANES, v.load(w, kept + 3 * size))
    write(grad_bias, b, k * LANES, v.load(w, kept + 3 * size + LANES))


@njit(**OPTIONS)
def _scan(
    u: Any, delta: Any, A: Any, B: Any, C: Any, D: Any, bias: Any, grad_y: Any, checkpoints: Any,
    grad_last: Any, r: int, b: int, chunk: int, softplus: bool, backwards: bool, accumulate: bool,
    k0: int, k1: int, grad_u: Any, grad_delta: Any, grad_A: Any, grad_B: Any, grad_C: Any,
    grad_D: Any, grad_bias: Any, w: Any,
) -> None:  # fmt: skip
    """One direction of the channel blocks k0 <= k < k1."""
    L = u.shape[0]
    S = padded_states(A.shape[1])
    size = S * LANES
    bc, bc_size = chunk * BACKWARD_ROW, 2 * padded_lanes(A.shape[1])
    tape, wide = bc + chunk * bc_size, GATHERED * ((S + 7) // 8)
    gathered = tape + (chunk + 1) * 2 * LANES * min(S, 8)
    kept = gathered + chunk * wide
    step = -1 if backwards else 1
    for k in range(k0, k1):
        _begin(A, grad_last, k, w, kept + (k - k0) * _kept_size(S), size)
    for start in range((L - 1) // chunk * chunk, -1, -chunk):
        count = min(chunk, L - start)
        first = L - 1 - start if backwards else start
        copy_bc(B, C, first, step, count, w, bc, bc_size)
        clear(w, gathered, gathered + count * wide)
        for k in range(k0, k1):
            at = kept + (k - k0) * _kept_size(S)
            checkpoint = checkpoints[k, start // chunk]
            _rows(u, delta, grad_y, bias, r, k, first, step, count, softplus, w, 0)
            _states(w, 0, bc, bc_size, count, tape, at, gathered, checkpoint)
            _outputs(
                w, 0, D, r, k, first, step, count, accumulate, grad_u, grad_delta, at + 3 * size
            )
        _write_bc(w, gathered, wide, first, step, count, grad_B, grad_C)
    for k in range(k0, k1):
        _end(w, kept + (k - k0) * _kept_size(S), size, b, k, grad_A, grad_D, grad_bias)


@njit(**OPTIONS)
def _task(inputs: Any, options: Any, outputs: Any, task: int) -> None:
    u, delta, A, B, C, D, bias, grad_y, checkpoints, grad_last = inputs
    chunk, softplus, reverse = options
    grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias = outputs
    R, K, N = A.shape[0], checkpoints.shape[2], A.shape[2]
    planes, slots = grad_u.shape[0], grad_B.shape[1]
    plane, rest = task % planes, task // planes
    slot, b = rest % slots, rest // slots
    k0, k1 = slot * K // slots, (slot + 1) * K // slots
    w = scratch(_scratch_size(chunk, N, k1 - k0))
    given = min(grad_last.shape[0], 1)  # an empty view where the state has no gradient
    for r in range(R):
        if planes > 1 and r != plane:
            continue
        _scan(
            u[b], delta[b, :, r], A[r], B[b, :, r], C[b, :, r], D, bias, grad_y[b],
            checkpoints[r, b], grad_last[b * given, r, : A.shape[1] * given], r, b, chunk,
            softplus, reverse != (r == 1), r > plane, k0, k1, grad_u[plane, b],
            grad_delta[b, :, r], grad_A[b, r], grad_B[b, slot, :, r], grad_C[b, slot, :, r],
            grad_D[r], grad_bias[r], w,
        )  # fmt: skip


f2, f3, f4 = (types.Array(types.float32, n, "A") for n in (2, 3, 4))
c3, c4, c5 = (types.Array(types.float32, n, "C") for n in (3, 4, 5))
counter_t = types.Array(types.int64, 1, "C")
_ARGUMENTS = (
    types.Tuple((f3, f4, f3, f4, f4, f2, f2, f3, c5, f4)),
    types.Tuple((types.intp, types.b1, types.b1)),
    types.Tuple((c4, c4, c4, c5, c5, c3, c3)),
    *(types.intp, counter_t),
)


@njit(types.void(*_ARGUMENTS), **OPTIONS)
def backward_shared(inputs: Any, options: Any, outputs: Any, tasks: int, counter: Any) -> None:
    """Take tasks from the shared counter until none is left; any number of threads may call it.

    inputs: the seven, grad_y, checkpoints and grad_last; options: chunk, softplus and reverse;
    outputs: the seven gradients.
    """
    task = v.fetch_add_one(counter)
    while task < tasks:
        _task(inputs, options, outputs, task)
        task = v.fetch_add_one(counter)


@njit(types.void(*_ARGUMENTS, types.intp), parallel=True, **OPTIONS)
def backward_parallel(
    inputs: Any, options: Any, outputs: Any, tasks: int, counter: Any, workers: int
) -> None:
    """All tasks on ``workers`` of numba's threads (OpenMP or TBB)."""
    for _ in prange(workers):
        backward_shared(inputs, options, outputs, tasks, counter)
