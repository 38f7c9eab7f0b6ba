"""The forward scan of few channels on the CPU: tasks of some channels, states side by side.

Equations, letters and plan as in ``forward.py``, but for

checkpoints  (R, batch, 1, chunks, channels P)   P >= N: states in whole vectors

A task has the channels c0 <= c < c1 of one sequence, and a chunk's rows of them without gaps
(``narrow_rows.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmamba.kernels import layout as p
from ssmamba.kernels import narrow_rows as rows
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import address_of, splat_at, store_at
from ssmamba.kernels.common import (
    LOG2_E,
    apart,
    clear,
    copy_states,
    function,
    padded_lanes,
    read,
    write,
)
from ssmamba.kernels.layout import FLOAT_BYTES, LANES
from ssmamba.kernels.narrow_blocks import forward_states, sums_of_16

CONSTANTS = np.zeros(LANES, np.float32)
CONSTANTS[: len(v.EXP2_CONSTANTS)] = v.EXP2_CONSTANTS


@function
def load_states(first: int, step: int, N: int, width: int, scale: float, w: Any, at: int) -> None:
    """(channels, N) padded with zeros, and scaled."""
    apart()
    factor = v.splat(scale)
    for c in range(width):
        for n in range(0, N, LANES):
            entries = read(first + c * step + n * FLOAT_BYTES, N - n)
            v.store(w, at + c * padded_lanes(N) + n, v.multiply(entries, factor))


@function
def write_states(w: Any, at: int, first: int, N: int, width: int) -> None:
    """Back to (channels, N), dense."""
    for c in range(width):
        for n in range(0, N, LANES):
            value = v.load(w, at + c * padded_lanes(N) + n)
            write(first + (c * N + n) * FLOAT_BYTES, N - n, value)


@function
def _load_weight(first: int, step: int, rank: int, width: int, w: Any, at: int) -> None:
    """(channels, rank) as a row of channels for each entry."""
    wide = padded_lanes(width)
    clear(w, at, at + rank * wide)
    apart()
    for c in range(width):
        for i in range(rank):
            entry = v.first_lane(splat_at(first + c * step + i * FLOAT_BYTES))
            w[at + i * wide + c] = entry


@function
def put_constants(w: Any, at: int) -> None:
    for i in range(LANES):
        w[at + i] = CONSTANTS[i]


@function
def _prepare(
    count: int, softplus: bool, accumulate: bool, w: Any, delta: int, u: int, y: int, shift: int,
    skip: int,
) -> None:  # fmt: skip
    """In place: steps from delta, what enters the states from u, D u (+ the other way's y) in y."""
    for i in range(0, count, LANES):
        x = v.add(v.load(w, delta + i), v.load(w, shift + i))
        if softplus:
            x = v.softplus(x)
        value = v.load(w, u + i)
        start = v.multiply(value, v.load(w, skip + i))
        if accumulate:
            start = v.add(start, v.load(w, y + i))
        v.store(w, delta + i, x)
        v.store(w, u + i, v.multiply(x, value))
        v.store(w, y + i, start)


@function
def _states(
    w: Any, delta: int, delta_u: int, y: int, B: int, B_step: int, C: int, C_step: int, count: int,
    width: int, padded: int, decay: int, products: int,
    ahead: int, constants: int,
) -> None:  # fmt: skip
    """The recurrence; rows of B and C ``ahead`` are asked for meanwhile, some with each channel."""
    apart = width * LANES
    for t in range(0, count, LANES):
        steps, first = min(LANES, count - t), t * width
        for n in range(0, padded, LANES):
            B_at, C_at = B + t * B_step + n * FLOAT_BYTES, C + t * C_step + n * FLOAT_BYTES
            for c in range(width):
                at, own = first + c, c * padded + n
                row, end = c * steps // width, (c + 1) * steps // width
                row += ahead
                rows.touch(B_at + row * B_step, B_step, end + ahead - row, LANES * FLOAT_BYTES)
                rows.touch(C_at + row * C_step, C_step, end + ahead - row, LANES * FLOAT_BYTES)
                forward_states(
                    w, delta + at, delta_u + at, width, B_at, B_step, C_at, C_step, steps, own,
                    decay + own, products + c * LANES, apart, constants,
                )  # fmt: skip
            for i in range(0, steps * width, LANES):
                own = y + first + i
                v.store(w, own, v.add(v.load(w, own), sums_of_16(w, products + i * LANES)))


@function
def _gate(w: Any, y: int, z: int, count: int) -> None:
    for i in range(0, count, LANES):
        gate = v.load(w, z + i)
        gated = v.multiply(v.load(w, y + i), v.multiply(gate, v.sigmoid(gate)))
        v.store(w, y + i, gated)


@function
def scan(plan: Any, b: int, r: int, c0: int, c1: int, plane: int, accumulate: bool, w: Any) -> None:
    """One direction of the channels c0 <= c < c1 of one sequence."""
    L, N, chunk, channels = plan[p.LENGTH], plan[p.STATES], plan[p.CHUNK], plan[p.CHANNELS]
    width, padded, rank = c1 - c0, padded_lanes(N), plan[p.RANK]
    size = chunk * width + LANES
    decay = width * padded
    weight = 2 * decay
    shift = weight + rank * padded_lanes(width)
    skip, delta, u, y = shift + size, shift + 2 * size, shift + 3 * size, shift + 4 * size
    products = shift + 5 * size
    constants = products + width * LANES * LANES
    copies = constants + LANES
    column = c0 * FLOAT_BYTES
    backwards = (plan[p.REVERSE] != 0) != (r == 1)
    begin, sign = (L - 1, -1) if backwards else (0, 1)
    u_step, delta_step = sign * plan[p.U_ROW], sign * plan[p.DELTA_ROW]
    B_step, C_step = sign * plan[p.B_ROW], sign * plan[p.C_ROW]
    y_step, z_step = sign * channels * FLOAT_BYTES, sign * plan[p.Z_ROW]
    u_from = plan[p.U] + b * plan[p.U_BATCH] + begin * plan[p.U_ROW] + column
    delta_from = plan[p.DELTA] + b * plan[p.DELTA_BATCH] + r * plan[p.DELTA_DIRECTION]
    delta_from += begin * plan[p.DELTA_ROW] + (0 if rank > 0 else column)
    B = plan[p.B] + b * plan[p.B_BATCH] + r * plan[p.B_DIRECTION] + begin * plan[p.B_ROW]
    C = plan[p.C] + b * plan[p.C_BATCH] + r * plan[p.C_DIRECTION] + begin * plan[p.C_ROW]
    y_to = plan[p.Y] + ((plane * plan[p.BATCH] + b) * L + begin) * channels * FLOAT_BYTES + column
    z_from = plan[p.Z] + b * plan[p.Z_BATCH] + begin * plan[p.Z_ROW] + column
    row = plan[p.A_CHANNEL]
    load_states(plan[p.A] + r * plan[p.A_DIRECTION] + c0 * row, row, N, width, LOG2_E, w, decay)
    row = plan[p.WEIGHT_CHANNEL]
    first = plan[p.WEIGHT] + r * plan[p.WEIGHT_DIRECTION] + c0 * row
    _load_weight(first, row, rank, width, w, weight)
    first = plan[p.BIAS]
    first += 0 if first == 0 else r * plan[p.BIAS_DIRECTION] + column
    rows.repeat(first, chunk, width, w, shift)
    first = plan[p.D]
    first += 0 if first == 0 else r * plan[p.D_DIRECTION] + column
    rows.repeat(first, chunk, width, w, skip)
    clear(w, 0, decay)
    put_constants(w, constants)
    for start in range(0, L, chunk):
        count = min(chunk, L - start)
        if plan[p.KEEP] != 0:
            index = (r * plan[p.BATCH] + b) * ((L + chunk - 1) // chunk) + start // chunk
            to = plan[p.CHECKPOINTS] + (index * channels + c0) * padded * FLOAT_BYTES
            for i in range(0, decay, LANES):
                store_at(to + i * FLOAT_BYTES, v.load(w, i))
        more = start if backwards else L - start - count
        rows.gather(u_from + start * u_step, u_step, count, width, more, count * u_step, w, u)
        at = delta_from + start * delta_step
        if rank > 0:
            rows.project(at, delta_step, count, width, rank, w, weight, delta)
        else:
            rows.gather(at, delta_step, count, width, more, count * delta_step, w, delta)
        y_at = y_to + start * y_step
        if accumulate:
            rows.gather(y_at, y_step, count, width, 0, count * y_step, w, y)
        _prepare(count * width, plan[p.SOFTPLUS] != 0, accumulate, w, delta, u, y, shift, skip)
        B_at, B_by, C_at, C_by = B + start * B_step, B_step, C + start * C_step, C_step
        if padded != N:  # else a vector would reach beyond the row
            copy_states(B_at, B_step, count, N, w, copies)
            copy_states(C_at, C_step, count, N, w, copies + chunk * padded)
            B_at, C_at = address_of(w, copies), address_of(w, copies + chunk * padded)
            B_by = C_by = padded * FLOAT_BYTES
        _states(
            w, delta, u, y, B_at, B_by, C_at, C_by, count, width, padded, decay, products,
            chunk if padded == N else 0, constants,
        )  # fmt: skip
        if plan[p.Z] != 0:
            rows.gather(z_from + start * z_step, z_step, count, width, more, count * z_step, w, u)
            _gate(w, y, u, count * width)
        rows.scatter(w, y, y_at, y_step, count, width, count * y_step)
    if plan[p.WANT_STATE] != 0:
        last = (b * plan[p.DIRECTIONS] + r) * channels + c0
        write_states(w, 0, plan[p.LAST] + last * N * FLOAT_BYTES, N, width)
