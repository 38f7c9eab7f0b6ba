"""The forward scan on the CPU: tasks of 16 channels, chunk by chunk, compiled by numba.

Few channels would leave most of a vector empty: those go to ``narrow_forward.py``.

    delta_t = softplus(delta_t + delta_bias)           or softplus(W dt_t + delta_bias), low-rank
    h_t     = exp(delta_t A) h_{t-1} + delta_t B_t u_t          ZOH, Mamba §3.2
    y_t     = C_t h_t + D u_t                            or that times silu(z_t), of one direction

Letters as in ``ops/reference.py``, r a direction; the second one walks the other way. A ``plan``
(see ``layout.py``) says where everything is. K blocks of 16 channels, S >= N padded states:

y            (planes, batch, L, channels)  to be added up by the caller
checkpoints  (R, batch, K, chunks, 16 S)   states before each chunk, where they are to be kept
last         (batch, R, channels, N)       states after the last step, where they are wanted
"""

from __future__ import annotations

from typing import Any

from ssmamba.kernels import layout as p
from ssmamba.kernels import narrow_forward
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import address_of, floats_at, ints_at, splat_at, store_at
from ssmamba.kernels.blocks import forward_block_1, forward_block_8, forward_block_16
from ssmamba.kernels.common import (
    LOG2_E,
    VECTOR_BYTES,
    clear,
    copy_states,
    function,
    pack,
    padded_lanes,
    padded_states,
    read,
    read_vector,
    unpack,
    write,
)
from ssmamba.kernels.layout import FLOAT_BYTES, FORWARD_ROW, LANES


@function
def _keep_states(plan: Any, b: int, r: int, k: int, start: int, w: Any, size: int) -> None:
    chunk = plan[p.CHUNK]
    blocks = (plan[p.CHANNELS] + LANES - 1) // LANES
    chunks = (plan[p.LENGTH] + chunk - 1) // chunk
    index = ((r * plan[p.BATCH] + b) * blocks + k) * chunks + start // chunk
    for i in range(0, size, LANES):
        store_at(plan[p.CHECKPOINTS] + (index * size + i) * FLOAT_BYTES, v.load(w, i))


@function
def _project(entries: int, rank: int, w: Any, weight: int, start: Any) -> Any:
    """start + the weight's rows times ``rank`` entries: 16 channels of a low-rank delta."""
    for i in range(rank):
        factor = splat_at(entries + i * FLOAT_BYTES)
        start = v.fma(factor, v.load(w, weight + i * LANES), start)
    return start


@function
def _rows(
    u: int, u_step: int, delta: int, delta_step: int, y: int, y_step: int, count: int, width: int,
    skip: Any, shift: Any, softplus: bool, accumulate: bool, w: Any, rows: int, rank: int,
    weight: int,
) -> None:  # fmt: skip
    """Inputs to the states, and D u (plus the other direction's y), to which they are added."""
    for t in range(count):
        at = rows + t * FORWARD_ROW
        if rank > 0:
            x = _project(delta + t * delta_step, rank, w, weight, shift)
        else:
            x = v.add(read(delta + t * delta_step, width), shift)
        if softplus:
            x = v.softplus(x)
        value = read(u + t * u_step, width)
        start = v.multiply(value, skip)
        if accumulate:
            start = v.add(start, read(y + t * y_step, width))
        v.store(w, at, x)
        v.store(w, at + LANES, v.multiply(x, value))
        v.store(w, at + 2 * LANES, start)


@function
def _states(
    w: Any, rows: int, B: int, B_step: int, C: int, C_step: int, y: int, y_step: int, count: int,
    decay: int, S: int,
) -> None:  # fmt: skip
    """The recurrence; y goes where it is told from one block's states, else into the rows."""
    if S == 1:
        forward_block_1(w, rows, B, B_step, C, C_step, y, y_step, count, 0, decay)
        return
    n = 0
    while n + 16 <= S:
        at, byte = n * LANES, n * FLOAT_BYTES
        forward_block_16(
            w, rows, B + byte, B_step, C + byte, C_step, y, y_step, count, at, decay + at
        )
        n += 16
    if n < S:
        at, byte = n * LANES, n * FLOAT_BYTES
        forward_block_8(
            w, rows, B + byte, B_step, C + byte, C_step, y, y_step, count, at, decay + at
        )


@function
def _write_rows(
    w: Any, rows: int, y: int, y_step: int, z: int, z_step: int, count: int, width: int, gated: bool
) -> None:
    """The finished rows to y, times silu(z) where there is a gate."""
    for t in range(count):
        value = v.load(w, rows + t * FORWARD_ROW + 2 * LANES)
        if gated:
            gate = read(z + t * z_step, width)
            value = v.multiply(value, v.multiply(gate, v.sigmoid(gate)))
        write(y + t * y_step, width, value)


@function
def _scan(plan: Any, b: int, r: int, k: int, plane: int, accumulate: bool, w: Any) -> None:
    """One direction of one block of channels of one sequence."""
    L, N, chunk, channels = plan[p.LENGTH], plan[p.STATES], plan[p.CHUNK], plan[p.CHANNELS]
    S, padded = padded_states(N), padded_lanes(N)
    width = min(LANES, channels - k * LANES)
    decay, weight, rank = padded * LANES, 2 * padded * LANES, plan[p.RANK]
    rows = weight + padded_lanes(rank) * LANES
    copies = rows + chunk * FORWARD_ROW
    column = k * VECTOR_BYTES
    backwards = (plan[p.REVERSE] != 0) != (r == 1)
    begin, sign = (L - 1, -1) if backwards else (0, 1)
    u_step, delta_step = sign * plan[p.U_ROW], sign * plan[p.DELTA_ROW]
    B_step, C_step = sign * plan[p.B_ROW], sign * plan[p.C_ROW]
    y_step = sign * channels * FLOAT_BYTES
    u = plan[p.U] + b * plan[p.U_BATCH] + begin * plan[p.U_ROW] + column
    delta = plan[p.DELTA] + b * plan[p.DELTA_BATCH] + r * plan[p.DELTA_DIRECTION]
    delta += begin * plan[p.DELTA_ROW] + (0 if rank > 0 else column)
    B = plan[p.B] + b * plan[p.B_BATCH] + r * plan[p.B_DIRECTION] + begin * plan[p.B_ROW]
    C = plan[p.C] + b * plan[p.C_BATCH] + r * plan[p.C_DIRECTION] + begin * plan[p.C_ROW]
    y = plan[p.Y] + ((plane * plan[p.BATCH] + b) * L + begin) * channels * FLOAT_BYTES + column
    skip = read_vector(plan[p.D] + r * plan[p.D_DIRECTION], k * LANES, width)
    shift = read_vector(plan[p.BIAS] + r * plan[p.BIAS_DIRECTION], k * LANES, width)
    softplus = plan[p.SOFTPLUS] != 0
    whole = N == S  # else the blocks' states reach beyond the rows of B and C
    gated, z_step = plan[p.Z] != 0, sign * plan[p.Z_ROW]
    z = plan[p.Z] + b * plan[p.Z_BATCH] + begin * plan[p.Z_ROW] + column
    one_block = S == 1 or S == 8 or S == 16  # makes all of y
    straight = width == LANES and one_block and not gated
    in_rows = address_of(w, rows + 2 * LANES)
    clear(w, 0, padded * LANES)
    row = plan[p.A_CHANNEL]
    first = plan[p.A] + r * plan[p.A_DIRECTION] + k * LANES * row
    pack(first, row, N, width, LOG2_E, w, decay)
    row = plan[p.WEIGHT_CHANNEL]
    first = plan[p.WEIGHT] + r * plan[p.WEIGHT_DIRECTION] + k * LANES * row
    pack(first, row, rank, width, v.ONE, w, weight)
    for start in range(0, L, chunk):
        count = min(chunk, L - start)
        if plan[p.KEEP] != 0:
            _keep_states(plan, b, r, k, start, w, S * LANES)
        y_at = y + start * y_step
        _rows(
            u + start * u_step, u_step, delta + start * delta_step, delta_step, y_at, y_step,
            count, width, skip, shift, softplus, accumulate, w, rows, rank, weight,
        )  # fmt: skip
        B_at, B_by = B + start * B_step, B_step
        C_at, C_by = C + start * C_step, C_step
        if not whole:
            copy_states(B_at, B_step, count, N, w, copies)
            copy_states(C_at, C_step, count, N, w, copies + chunk * padded)
            B_at, C_at = address_of(w, copies), address_of(w, copies + chunk * padded)
            B_by = C_by = padded * FLOAT_BYTES
        if straight:
            _states(w, rows, B_at, B_by, C_at, C_by, y_at, y_step, count, decay, S)
            continue
        step = FORWARD_ROW * FLOAT_BYTES
        _states(w, rows, B_at, B_by, C_at, C_by, in_rows, step, count, decay, S)
        _write_rows(w, rows, y_at, y_step, z + start * z_step, z_step, count, width, gated)
    if plan[p.WANT_STATE] != 0:
        last = (b * plan[p.DIRECTIONS] + r) * channels + k * LANES
        unpack(w, 0, decay, plan[p.LAST] + last * N * FLOAT_BYTES, N, width)


@function
def _task(plan: Any, task: int, w: Any) -> None:
    R, planes, groups, channels = (
        plan[p.DIRECTIONS], plan[p.PLANES], plan[p.GROUPS], plan[p.CHANNELS]
    )  # fmt: skip
    plane, rest = task % planes, task // planes
    b, k = rest // groups, rest % groups
    for r in range(R):
        if planes != 1 and r != plane:
            continue
        if plan[p.NARROW] != 0:
            c0, c1 = k * channels // groups, (k + 1) * channels // groups
            narrow_forward.scan(plan, b, r, c0, c1, plane, r > plane, w)
        else:
            _scan(plan, b, r, k, plane, r > plane, w)


@function
def forward(address: int) -> None:
    """Take tasks from the plan until none is left; any number of threads may call it."""
    plan = ints_at(address, p.FORWARD_SIZE)
    task = v.fetch_add_one(plan, p.TAKEN)
    if task >= plan[p.TASKS]:
        return
    seat = v.fetch_add_one(plan, p.SEATS)
    size = plan[p.SEAT_BYTES]
    w = floats_at(plan[p.SCRATCH] + seat * size, size // FLOAT_BYTES)
    while task < plan[p.TASKS]:
        _task(plan, task, w)
        task = v.fetch_add_one(plan, p.TAKEN)
