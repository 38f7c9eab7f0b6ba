"""The backward scan on the CPU: chunks from the last to the first, states recomputed on the way.

With g_t the gradient of the state h_t (Mamba's recurrence, differentiated):
    g_t          = C_t grad_y_t + exp(delta_{t+1} A) g_{t+1}
    grad_B_t     = sum over channels of g_t delta_t u_t
    grad_C_t     = sum over channels of grad_y_t h_t
    grad_A       = sum over t of g_t exp(delta_t A) h_{t-1} delta_t
    grad_u_t     = delta_t (sum over n of B_t g_t) + D grad_y_t
    grad_delta_t = (u_t sum over n of B_t g_t + sum over n of A g_t exp(delta_t A) h_{t-1})
                   times the slope of softplus

Outputs, dense; K blocks of 16 channels, S >= N padded states:

grad_u                 (planes, batch, L, channels) planes as for y
grad_delta             (batch, L, R, channels)
grad_A                 (batch, R, channels, N)      to be summed over the batch, as the last two are
grad_B, grad_C         (batch, slots, L, R, N)      one partial sum for each slot of channel blocks
grad_D, grad_bias      (R, batch, channels)
"""

from __future__ import annotations

from typing import Any

from ssmamba.kernels import layout as p
from ssmamba.kernels import narrow_backward
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import floats_at, ints_at, load_at
from ssmamba.kernels.blocks import backward_block_1, backward_block_8
from ssmamba.kernels.common import (
    LN_2,
    LOG2_E,
    VECTOR_BYTES,
    clear,
    copy_bc,
    function,
    kept_floats,
    pack,
    padded_lanes,
    padded_states,
    read,
    read_vector,
    unpack,
    write,
)
from ssmamba.kernels.layout import BACKWARD_ROW, FLOAT_BYTES, GATHERED, LANES


@function
def _rows(
    u: int, u_step: int, delta: int, delta_step: int, grad_y: int, grad_y_step: int, count: int,
    width: int, shift: Any, softplus: bool, w: Any, rows: int,
) -> None:  # fmt: skip
    zero, one = v.splat(v.ZERO), v.splat(v.ONE)
    for t in range(count):
        at = rows + t * BACKWARD_ROW
        x = v.add(read(delta + t * delta_step, width), shift)
        slope = one
        if softplus:
            slope = v.sigmoid(x)
            x = v.softplus(x)
        value = read(u + t * u_step, width)
        v.store(w, at, x)
        v.store(w, at + LANES, v.multiply(x, value))
        v.store(w, at + 2 * LANES, read(grad_y + t * grad_y_step, width))
        v.store(w, at + 3 * LANES, zero)
        v.store(w, at + 4 * LANES, zero)
        v.store(w, at + 5 * LANES, value)
        v.store(w, at + 6 * LANES, slope)


@function
def _states(
    w: Any, rows: int, bc: int, bc_size: int, count: int, tape: int, kept: int, gathered: int,
    checkpoint: int, S: int, padded: int,
) -> None:  # fmt: skip
    """The recurrence there and back; ``checkpoint`` is the address of the states before."""
    wide = GATHERED * ((S + 7) // 8)
    carry, grad_a, decay = kept, kept + padded * LANES, kept + 2 * padded * LANES
    block = min(S, 8)
    for n in range(0, S, block):
        at = n * LANES
        for i in range(0, block * LANES, LANES):
            v.store(w, tape + block * LANES + i, load_at(checkpoint + (at + i) * FLOAT_BYTES))
        if S == 1:
            backward_block_1(
                w, rows, bc, bc_size, count, tape, carry, grad_a, gathered, wide, decay
            )  # fmt: skip
        else:
            backward_block_8(
                w, rows, bc + n, bc_size, count, tape, carry + at, grad_a + at, gathered + 2 * n,
                wide, decay + at,
            )  # fmt: skip


@function
def _outputs(
    w: Any, rows: int, skip: Any, grad_u: int, grad_u_step: int, grad_delta: int,
    grad_delta_step: int, count: int, width: int, accumulate: bool, sums: int,
) -> None:  # fmt: skip
    ln_2 = v.splat(LN_2)
    grad_d, grad_bias = v.load(w, sums), v.load(w, sums + LANES)
    for t in range(count):
        at = rows + t * BACKWARD_ROW
        grad_y, value = v.load(w, at + 2 * LANES), v.load(w, at + 5 * LANES)
        sum_b, sum_a = v.load(w, at + 3 * LANES), v.load(w, at + 4 * LANES)
        for_u = v.fma(sum_b, v.load(w, at), v.multiply(grad_y, skip))
        if accumulate:
            for_u = v.add(for_u, read(grad_u + t * grad_u_step, width))
        write(grad_u + t * grad_u_step, width, for_u)
        # sum_a was made with A log2(e)
        for_delta = v.fma(sum_b, value, v.multiply(sum_a, ln_2))
        for_delta = v.multiply(for_delta, v.load(w, at + 6 * LANES))
        write(grad_delta + t * grad_delta_step, width, for_delta)
        grad_d = v.fma(grad_y, value, grad_d)
        grad_bias = v.add(grad_bias, for_delta)
    v.store(w, sums, grad_d)
    v.store(w, sums + LANES, grad_bias)


@function
def _write_bc(
    w: Any, gathered: int, wide: int, grad_B: int, grad_C: int, step: int, count: int, N: int
) -> None:
    for t in range(count):
        for n in range(0, N, LANES):
            at = gathered + t * wide + 2 * n
            one = v.load(w, at)
            other = v.load(w, at + GATHERED) if n + 8 < N else one
            to = t * step + n * FLOAT_BYTES
            write(grad_B + to, N - n, v.low_halves(one, other))
            write(grad_C + to, N - n, v.high_halves(one, other))


@function
def _begin(plan: Any, b: int, r: int, k: int, width: int, w: Any, kept: int) -> None:
    N = plan[p.STATES]
    size = padded_lanes(N) * LANES
    clear(w, kept, kept + kept_floats(padded_lanes(N)))
    row = plan[p.A_CHANNEL]
    first = plan[p.A] + r * plan[p.A_DIRECTION] + k * LANES * row
    pack(first, row, N, width, LOG2_E, w, kept + 2 * size)
    if plan[p.GRAD_LAST] != 0:
        row = plan[p.GRAD_LAST_CHANNEL]
        first = plan[p.GRAD_LAST] + b * plan[p.GRAD_LAST_BATCH] + r * plan[p.GRAD_LAST_DIRECTION]
        pack(first + k * LANES * row, row, N, width, v.ONE, w, kept)


@function
def _end(plan: Any, b: int, r: int, k: int, width: int, w: Any, kept: int, free: int) -> None:
    N, channels = plan[p.STATES], plan[p.CHANNELS]
    size = padded_lanes(N) * LANES
    first = ((b * plan[p.DIRECTIONS] + r) * channels + k * LANES) * N
    unpack(w, kept + size, free, plan[p.GRAD_A] + first * FLOAT_BYTES, N, width)
    to = ((r * plan[p.BATCH] + b) * channels + k * LANES) * FLOAT_BYTES
    write(plan[p.GRAD_D] + to, width, v.load(w, kept + 3 * size))
    write(plan[p.GRAD_BIAS] + to, width, v.load(w, kept + 3 * size + LANES))


@function
def _scan(
    plan: Any, b: int, r: int, slot: int, k0: int, k1: int, plane: int, accumulate: bool, w: Any
) -> None:
    """One direction of the channel blocks k0 <= k < k1 of one sequence."""
    L, N, chunk, channels = plan[p.LENGTH], plan[p.STATES], plan[p.CHUNK], plan[p.CHANNELS]
    R, K = plan[p.DIRECTIONS], (channels + LANES - 1) // LANES
    S, padded = padded_states(N), padded_lanes(N)
    bc, bc_size = chunk * BACKWARD_ROW, 2 * padded
    tape, wide = bc + chunk * bc_size, GATHERED * ((S + 7) // 8)
    gathered = tape + (chunk + 1) * 2 * LANES * min(S, 8)
    kept = gathered + chunk * wide
    free = kept + (k1 - k0) * kept_floats(padded)
    chunks = (L + chunk - 1) // chunk
    backwards = (plan[p.REVERSE] != 0) != (r == 1)
    sign = -1 if backwards else 1
    u_step, delta_step, grad_y_step = (
        sign * plan[p.U_ROW], sign * plan[p.DELTA_ROW], sign * plan[p.GRAD_Y_ROW]
    )  # fmt: skip
    B_step, C_step = sign * plan[p.B_ROW], sign * plan[p.C_ROW]
    grad_u_row, grad_delta_row = channels * FLOAT_BYTES, R * channels * FLOAT_BYTES
    grad_bc_row = R * N * FLOAT_BYTES
    for k in range(k0, k1):
        width = min(LANES, channels - k * LANES)
        _begin(plan, b, r, k, width, w, kept + (k - k0) * kept_floats(padded))
    for chunk_index in range(chunks - 1, -1, -1):
        start = chunk_index * chunk
        count = min(chunk, L - start)
        first = L - 1 - start if backwards else start
        B = plan[p.B] + b * plan[p.B_BATCH] + r * plan[p.B_DIRECTION] + first * plan[p.B_ROW]
        C = plan[p.C] + b * plan[p.C_BATCH] + r * plan[p.C_DIRECTION] + first * plan[p.C_ROW]
        copy_bc(B, B_step, C, C_step, count, N, w, bc, bc_size)
        clear(w, gathered, gathered + count * wide)
        for k in range(k0, k1):
            width, column = min(LANES, channels - k * LANES), k * VECTOR_BYTES
            at = kept + (k - k0) * kept_floats(padded)
            shift = read_vector(plan[p.BIAS] + r * plan[p.BIAS_DIRECTION], k * LANES, width)
            skip = read_vector(plan[p.D] + r * plan[p.D_DIRECTION], k * LANES, width)
            u = plan[p.U] + b * plan[p.U_BATCH] + first * plan[p.U_ROW] + column
            delta = plan[p.DELTA] + b * plan[p.DELTA_BATCH] + r * plan[p.DELTA_DIRECTION]
            delta += first * plan[p.DELTA_ROW] + column
            grad_y = plan[p.GRAD_Y] + b * plan[p.GRAD_Y_BATCH] + first * plan[p.GRAD_Y_ROW] + column
            _rows(
                u, u_step, delta, delta_step, grad_y, grad_y_step, count, width, shift,
                plan[p.SOFTPLUS] != 0, w, 0,
            )  # fmt: skip
            index = ((r * plan[p.BATCH] + b) * K + k) * chunks + chunk_index
            checkpoint = plan[p.KEPT] + index * S * VECTOR_BYTES
            _states(w, 0, bc, bc_size, count, tape, at, gathered, checkpoint, S, padded)
            row = (plane * plan[p.BATCH] + b) * L + first
            grad_u = plan[p.GRAD_U] + row * grad_u_row + column
            row = (b * L + first) * R + r
            grad_delta = plan[p.GRAD_DELTA] + row * grad_u_row + column
            _outputs(
                w, 0, skip, grad_u, sign * grad_u_row, grad_delta, sign * grad_delta_row, count,
                width, accumulate, at + 3 * padded * LANES,
            )  # fmt: skip
        row = ((b * plan[p.SLOTS] + slot) * L + first) * R + r
        grad_B, grad_C = (
            plan[p.GRAD_B] + row * N * FLOAT_BYTES, plan[p.GRAD_C] + row * N * FLOAT_BYTES
        )  # fmt: skip
        _write_bc(w, gathered, wide, grad_B, grad_C, sign * grad_bc_row, count, N)
    for k in range(k0, k1):
        width = min(LANES, channels - k * LANES)
        _end(plan, b, r, k, width, w, kept + (k - k0) * kept_floats(padded), free)


@function
def _task(plan: Any, task: int, w: Any) -> None:
    R, planes, slots, parts = (
        plan[p.DIRECTIONS], plan[p.PLANES], plan[p.SLOTS], plan[p.CHANNELS]
    )  # fmt: skip
    narrow = plan[p.NARROW] != 0
    if not narrow:
        parts = (parts + LANES - 1) // LANES
    plane, rest = task % planes, task // planes
    slot, b = rest % slots, rest // slots
    first, end = slot * parts // slots, (slot + 1) * parts // slots
    for r in range(R):
        if planes != 1 and r != plane:
            continue
        if narrow:
            narrow_backward.scan(plan, b, r, slot, first, end, plane, r > plane, w)
        else:
            _scan(plan, b, r, slot, first, end, plane, r > plane, w)


@function
def backward(address: int) -> None:
    """Take tasks from the plan until none is left; any number of threads may call it."""
    plan = ints_at(address, p.BACKWARD_SIZE)
    task = v.fetch_add_one(plan, p.TAKEN)
    if task >= plan[p.TASKS]:
        return
    seat = v.fetch_add_one(plan, p.SEATS)
    size = plan[p.SEAT_BYTES]
    w = floats_at(plan[p.SCRATCH] + seat * size, size // FLOAT_BYTES)
    while task < plan[p.TASKS]:
        _task(plan, task, w)
        task = v.fetch_add_one(plan, p.TAKEN)
