"""The backward scan of few channels on the CPU: states side by side, recomputed on the way.

Equations, outputs and plan as in ``backward.py``; the slots are of channels, not of blocks of 16 of
them, and the checkpoints those of ``narrow_forward.py``.
"""

from __future__ import annotations

from typing import Any

from ssmamba.kernels import layout as p
from ssmamba.kernels import narrow_rows as rows
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import floats_at, load_at
from ssmamba.kernels.common import LN_2, LOG2_E, clear, copy_bc, function, padded_lanes, write
from ssmamba.kernels.layout import FLOAT_BYTES, LANES
from ssmamba.kernels.narrow_blocks import add_column, backward_states, sums_of_16
from ssmamba.kernels.narrow_forward import load_states, put_constants, write_states


@function
def _prepare(
    count: int, softplus: bool, w: Any, delta: int, delta_u: int, u: int, slope: int, shift: int
) -> None:  # fmt: skip
    """Steps in the place of delta, what enters the states, and the slope of softplus."""
    for i in range(0, count, LANES):
        x = v.add(v.load(w, delta + i), v.load(w, shift + i))
        steepness = v.splat(v.ONE)
        if softplus:
            steepness = v.sigmoid(x)
            x = v.softplus(x)
        v.store(w, delta + i, x)
        v.store(w, delta_u + i, v.multiply(x, v.load(w, u + i)))
        v.store(w, slope + i, steepness)


@function
def _states(
    w: Any, delta: int, delta_u: int, grad_y: int, sum_b: int, sum_a: int, bc: int, gathered: int,
    count: int, width: int, padded: int, tape: int, kept: int, products: int, checkpoint: int,
    constants: int,
    B: int, B_step: int, C: int, C_step: int, for_B: int, for_C: int, for_step: int, size: int,
) -> None:  # fmt: skip
    """The recurrence there and back; ``checkpoint`` is the address of the states before.

    B, C and their gradients (addresses, ``size`` bytes a row) are those of the next chunk, which
    are asked for meanwhile, some with each channel.
    """
    grad_a, decay = kept + width * padded, kept + 2 * width * padded
    for n in range(0, padded, LANES):
        for c in range(width):
            own = c * padded + n
            v.store(w, tape + LANES, load_at(checkpoint + own * FLOAT_BYTES))
            backward_states(
                w, delta + c, delta_u + c, grad_y + c, width, bc + n, 2 * padded, count, tape,
                kept + own, grad_a + own, gathered + n, products, decay + own, constants,
            )  # fmt: skip
            if n == 0:
                t0 = c * count // width
                more = (c + 1) * count // width - t0
                rows.touch(B + t0 * B_step, B_step, more, size)
                rows.touch(C + t0 * C_step, C_step, more, size)
                rows.touch(for_B + t0 * for_step, for_step, more, size)
                rows.touch(for_C + t0 * for_step, for_step, more, size)
            others = products + padded_lanes(count) * LANES
            for t in range(0, count, LANES):
                at = t * width + c
                add_column(w, sum_b + at, width, sums_of_16(w, products + t * LANES))
                add_column(w, sum_a + at, width, sums_of_16(w, others + t * LANES))


@function
def _outputs(
    count: int, accumulate: bool, w: Any, delta: int, before: int, grad_y: int, sum_b: int,
    sum_a: int, u: int, slope: int, skip: int, sum_d: int, sum_bias: int,
) -> None:  # fmt: skip
    """In place: the gradient of u in sum_b, of delta in sum_a; ``before``: the other way's."""
    ln_2 = v.splat(LN_2)
    for i in range(0, count, LANES):
        gy, value, from_b = v.load(w, grad_y + i), v.load(w, u + i), v.load(w, sum_b + i)
        for_u = v.fma(from_b, v.load(w, delta + i), v.multiply(gy, v.load(w, skip + i)))
        if accumulate:
            for_u = v.add(for_u, v.load(w, before + i))
        # sum_a was made with A log2(e)
        for_delta = v.fma(from_b, value, v.multiply(v.load(w, sum_a + i), ln_2))
        for_delta = v.multiply(for_delta, v.load(w, slope + i))
        v.store(w, sum_b + i, for_u)
        v.store(w, sum_a + i, for_delta)
        v.store(w, sum_d + i, v.fma(gy, value, v.load(w, sum_d + i)))
        v.store(w, sum_bias + i, v.add(for_delta, v.load(w, sum_bias + i)))


@function
def _write_bc(
    w: Any, gathered: int, padded: int, grad_B: int, grad_C: int, step: int, count: int, N: int
) -> None:
    for t in range(count):
        for n in range(0, N, LANES):
            at, to = gathered + t * 2 * padded + n, t * step + n * FLOAT_BYTES
            write(grad_B + to, N - n, v.load(w, at))
            write(grad_C + to, N - n, v.load(w, at + padded))


@function
def _add_up(w: Any, sums: int, count: int, width: int, to: int) -> None:
    """The sum over the steps of each channel."""
    out = floats_at(to, width)
    for c in range(width):
        total = v.ZERO
        for t in range(count):
            total += w[sums + t * width + c]
        out[c] = total


@function
def scan(
    plan: Any, b: int, r: int, slot: int, c0: int, c1: int, plane: int, accumulate: bool, w: Any
) -> None:  # fmt: skip
    """One direction of the channels c0 <= c < c1 of one sequence."""
    L, N, chunk, channels = plan[p.LENGTH], plan[p.STATES], plan[p.CHUNK], plan[p.CHANNELS]
    R, width, padded = plan[p.DIRECTIONS], c1 - c0, padded_lanes(N)
    size, own, column = chunk * width + LANES, width * padded, c0 * FLOAT_BYTES
    delta, delta_u, grad_y, sum_b, sum_a = 0, size, 2 * size, 3 * size, 4 * size
    u, slope, shift, skip, sum_d, sum_bias = (
        5 * size, 6 * size, 7 * size, 8 * size, 9 * size, 10 * size
    )  # fmt: skip
    bc = 11 * size
    gathered = bc + chunk * 2 * padded
    tape = gathered + chunk * 2 * padded
    products = tape + (chunk + 1) * 2 * LANES
    constants = products + 2 * chunk * LANES
    kept = constants + LANES
    chunks = (L + chunk - 1) // chunk
    backwards = (plan[p.REVERSE] != 0) != (r == 1)
    sign = -1 if backwards else 1
    u_step, delta_step, grad_y_step = (
        sign * plan[p.U_ROW], sign * plan[p.DELTA_ROW], sign * plan[p.GRAD_Y_ROW]
    )  # fmt: skip
    B_step, C_step = sign * plan[p.B_ROW], sign * plan[p.C_ROW]
    grad_u_row, grad_delta_row = channels * FLOAT_BYTES, R * channels * FLOAT_BYTES
    grad_bc_step = sign * R * N * FLOAT_BYTES
    clear(w, kept, kept + 2 * own)
    put_constants(w, constants)
    row = plan[p.A_CHANNEL]
    first = plan[p.A] + r * plan[p.A_DIRECTION] + c0 * row
    load_states(first, row, N, width, LOG2_E, w, kept + 2 * own)
    if plan[p.GRAD_LAST] != 0:
        row = plan[p.GRAD_LAST_CHANNEL]
        first = plan[p.GRAD_LAST] + b * plan[p.GRAD_LAST_BATCH] + r * plan[p.GRAD_LAST_DIRECTION]
        load_states(first + c0 * row, row, N, width, v.ONE, w, kept)
    first = plan[p.BIAS]
    first += 0 if first == 0 else r * plan[p.BIAS_DIRECTION] + column
    rows.repeat(first, chunk, width, w, shift)
    first = plan[p.D]
    first += 0 if first == 0 else r * plan[p.D_DIRECTION] + column
    rows.repeat(first, chunk, width, w, skip)
    clear(w, sum_d, bc)
    for chunk_index in range(chunks - 1, -1, -1):
        start = chunk_index * chunk
        count = min(chunk, L - start)
        first = L - 1 - start if backwards else start
        B = plan[p.B] + b * plan[p.B_BATCH] + r * plan[p.B_DIRECTION] + first * plan[p.B_ROW]
        C = plan[p.C] + b * plan[p.C_BATCH] + r * plan[p.C_DIRECTION] + first * plan[p.C_ROW]
        more = start if backwards else L - start - count
        row = ((b * plan[p.SLOTS] + slot) * L + first) * R + r
        grad_B, grad_C = (
            plan[p.GRAD_B] + row * N * FLOAT_BYTES, plan[p.GRAD_C] + row * N * FLOAT_BYTES
        )  # fmt: skip
        copy_bc(B, B_step, C, C_step, count, N, w, bc, 2 * padded)
        clear(w, gathered, gathered + count * 2 * padded)
        clear(w, sum_b, u)
        at = plan[p.U] + b * plan[p.U_BATCH] + first * plan[p.U_ROW] + column
        rows.gather(at, u_step, count, width, more, -chunk * u_step, w, u)
        at = plan[p.DELTA] + b * plan[p.DELTA_BATCH] + r * plan[p.DELTA_DIRECTION]
        at += first * plan[p.DELTA_ROW] + column
        rows.gather(at, delta_step, count, width, more, -chunk * delta_step, w, delta)
        at = plan[p.GRAD_Y] + b * plan[p.GRAD_Y_BATCH] + first * plan[p.GRAD_Y_ROW] + column
        rows.gather(at, grad_y_step, count, width, more, -chunk * grad_y_step, w, grad_y)
        _prepare(count * width, plan[p.SOFTPLUS] != 0, w, delta, delta_u, u, slope, shift)
        index = (r * plan[p.BATCH] + b) * chunks + chunk_index
        checkpoint = plan[p.KEPT] + (index * channels + c0) * padded * FLOAT_BYTES
        _states(
            w, delta, delta_u, grad_y, sum_b, sum_a, bc, gathered, count, width, padded, tape,
            kept, products, checkpoint, constants, B - chunk * B_step, B_step, C - chunk * C_step,
            C_step, grad_B - chunk * grad_bc_step, grad_C - chunk * grad_bc_step,
            grad_bc_step, N * FLOAT_BYTES,
        )  # fmt: skip
        for at in (sum_b, sum_a):  # steps that are not there
            v.store(w, at + count * width, v.splat(v.ZERO))
        row = (plane * plan[p.BATCH] + b) * L + first
        grad_u = plan[p.GRAD_U] + row * grad_u_row + column
        if accumulate:
            rows.gather(
                grad_u, sign * grad_u_row, count, width, 0, -chunk * sign * grad_u_row, w, delta_u
            )
        _outputs(
            count * width, accumulate, w, delta, delta_u, grad_y, sum_b, sum_a, u, slope, skip,
            sum_d, sum_bias,
        )  # fmt: skip
        rows.scatter(w, sum_b, grad_u, sign * grad_u_row, count, width, -chunk * sign * grad_u_row)
        row = (b * L + first) * R + r
        grad_delta = plan[p.GRAD_DELTA] + row * grad_u_row + column
        rows.scatter(
            w,
            sum_a,
            grad_delta,
            sign * grad_delta_row,
            count,
            width,
            -chunk * sign * grad_delta_row,
        )
        _write_bc(w, gathered, padded, grad_B, grad_C, grad_bc_step, count, N)
    first = ((b * R + r) * channels + c0) * N
    write_states(w, kept + own, plan[p.GRAD_A] + first * FLOAT_BYTES, N, width)
    to = ((r * plan[p.BATCH] + b) * channels + c0) * FLOAT_BYTES
    _add_up(w, sum_d, chunk, width, plan[p.GRAD_D] + to)
    _add_up(w, sum_bias, chunk, width, plan[p.GRAD_BIAS] + to)
