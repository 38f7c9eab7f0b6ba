"""Triton kernels of the scan, parallel along the sequence.

The sequence is cut into tiles of T steps. The decay over a whole tile is exp(A sum(delta)), and
what a tile adds to the state is a plain sum, so neither needs a scan:
    tile_states  what each tile adds to the state (or, backwards, to the state's gradient)
    pass_states  the short scan over tiles: what state each tile is handed
    tile_outputs, tile_gradients  everything else, each tile on its own, one state n after another
One program works on a tile of T steps x BD channels of one sequence; it takes the directions in
turn, so u is read and y written once. Steps beyond L have delta = 0 and leave the state alone.

Letters as in ``ops/reference.py``; R directions. All inner states are float32. ``REVERSE`` turns
direction 0 around (direction 1 is always the other way round from direction 0).
    ends, starts  (batch, R, tiles, N, channels)   totals  (batch, R, tiles, channels)
"""

# Triton reads annotations: a tensor argument must not have one.
# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def _combine(a_left, x_left, a_right, x_right):
    """Two steps of h = a h + x as one."""
    return a_left * a_right, x_right + a_right * x_left


@triton.jit
def _softplus(x):
    """max(x, 0) + log1p(exp(-|x|)), the logarithm as 2 atanh(e / (e + 2)): exact for tiny e."""
    e = tl.exp(-tl.abs(x))  # 0 far below zero, so the step is exactly 0 there
    s = e / (e + 2.0)
    z = s * s
    series = 0.2802463173866272 * z + 0.279991090297699
    series = (series * z + 0.4002169966697693) * z + 0.6666641235351562
    return tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL) + s * (series * z + 2.0)


@triton.jit
def _load_row(pointer, offsets, mask, present: tl.constexpr):
    if present:
        return tl.load(pointer + offsets, mask, 0.0).to(tl.float32)
    return tl.zeros(offsets.shape, tl.float32)


@triton.jit
def _load_delta(
    delta, bias, rows, d, r, L, channels, s_row, s_r,
    HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """Step sizes of a tile after bias and softplus, 0 beyond the sequence; and softplus's slope."""
    inside = (rows >= 0) & (rows < L)
    mask = inside[:, None] & (d < channels)[None, :]
    x = tl.load(delta + rows[:, None] * s_row + r * s_r + d[None, :], mask, 0.0).to(tl.float32)
    x += _load_row(bias, r * channels + d, d < channels, HAS_BIAS)[None, :]
    slope = tl.full(x.shape, 1.0, tl.float32)
    if SOFTPLUS:
        slope = tl.sigmoid(x)
        x = _softplus(x)
    return tl.where(mask, x, 0.0), slope


@triton.jit
def _load_later(
    delta, bias, rows, d, r, L, channels, s_row, s_r,
    backwards: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, T: tl.constexpr,
):  # fmt: skip
    """The step that follows each one in scan order; 0 behind the tile's last."""
    beyond = rows - 1 if backwards else rows + 1
    later, _ = _load_delta(delta, bias, beyond, d, r, L, channels, s_row, s_r, HAS_BIAS, SOFTPLUS)
    last = tl.arange(0, T) == (0 if backwards else T - 1)
    return tl.where(last[:, None], 0.0, later)


@triton.jit
def _load_tile(pointer, rows, d, L, channels, s_row):
    mask = (rows < L)[:, None] & (d < channels)[None, :]
    return tl.load(pointer + rows[:, None] * s_row + d[None, :], mask, 0.0).to(tl.float32)


@triton.jit
def _load_gate(z, rows, d, L, channels, s_row):
    """silu(z) and its slope."""
    x = _load_tile(z, rows, d, L, channels, s_row)
    s = tl.sigmoid(x)
    return x * s, s * (1.0 + x * (1.0 - s))


@triton.jit
def tile_states(
    x, delta, A, W, bias, z, ends, totals,
    L, channels, tiles, N: tl.constexpr,
    s_xb, s_xl, s_db, s_dl, s_dr, s_wb, s_wl, s_wr, s_zb, s_zl,
    T: tl.constexpr, BD: tl.constexpr, R: tl.constexpr, REVERSE: tl.constexpr,
    HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, HAS_GATE: tl.constexpr, GRADIENT: tl.constexpr,
):  # fmt: skip
    """ends = sum over t of (decay from t to the tile's end) w_t x_t.

    Forward: x = u times delta, w = B, and the decay excludes step t. GRADIENT: x = grad_y (times
    the gate), w = C, the other end of the tile, and the decay includes step t.
    """
    c, d = tl.program_id(0), tl.program_id(1) * BD + tl.arange(0, BD)
    b = tl.program_id(2).to(tl.int64)
    rows = (c * T + tl.arange(0, T)).to(tl.int64)
    value = _load_tile(x + b * s_xb, rows, d, L, channels, s_xl)
    if GRADIENT and HAS_GATE:
        silu, _ = _load_gate(z + b * s_zb, rows, d, L, channels, s_zl)
        value *= silu
    for r in tl.static_range(R):
        step, _ = _load_delta(
            delta + b * s_db, bias, rows, d, r, L, channels, s_dl, s_dr, HAS_BIAS, SOFTPLUS
        )
        if GRADIENT:
            between = tl.cumsum(step, 0, reverse=(r == 1) != REVERSE)
        else:  # the sum of the steps behind t, summed as such: a difference would lose digits
            later = _load_later(
                delta + b * s_db, bias, rows, d, r, L, channels, s_dl, s_dr,
                (r == 1) != REVERSE, HAS_BIAS, SOFTPLUS, T,
            )  # fmt: skip
            between = tl.cumsum(later, 0, reverse=(r == 1) == REVERSE)
        weight = value if GRADIENT else value * step
        at = (b * R + r) * tiles + c
        tl.store(totals + at * channels + d, tl.sum(step, 0), d < channels)
        for n in range(N):
            a = tl.load(A + (r * channels + d) * N + n, d < channels, 0.0) * LOG2_E
            w = tl.load(W + b * s_wb + rows * s_wl + r * s_wr + n, rows < L, 0.0).to(tl.float32)
            end = tl.sum(tl.exp2(a[None, :] * between) * weight * w[:, None], 0)
            tl.store(ends + (at * N + n) * channels + d, end, d < channels)


@triton.jit
def pass_states(
    ends, totals, A, first, starts, last, sums,
    channels, tiles, segment, N,
    TC: tl.constexpr, BE: tl.constexpr, R: tl.constexpr, REVERSE: tl.constexpr,
    HAS_FIRST: tl.constexpr, KEEP_STARTS: tl.constexpr,
):  # fmt: skip
    """starts[c] = the state at the start of tile c, for each segment of ``segment`` tiles.

    first, last (batch, R, segments, N, channels): the state before and after each segment; sums
    (batch, R, segments, channels): its total step. REVERSE turns the order of tiles.
    """
    lanes = N * channels
    e = tl.program_id(0) * BE + tl.arange(0, BE)  # = n * channels + d
    br = tl.program_id(1).to(tl.int64)
    at_segment = br * tl.num_programs(2) + tl.program_id(2)
    low = tl.program_id(2) * segment
    count = tl.minimum(segment, tiles - low)
    r = br % R
    valid = e < lanes
    n, d = e // channels, e % channels
    a = tl.load(A + (r * channels + d) * N + n, valid, 0.0) * LOG2_E
    turned = (r == 1) != REVERSE
    carry = _load_row(first, at_segment * lanes + e, valid, HAS_FIRST)
    if KEEP_STARTS:
        tl.store(
            starts + (br * tiles + low + tl.where(turned, count - 1, 0)) * lanes + e, carry, valid
        )
    summed = tl.zeros([BE], tl.float32)
    i = tl.arange(0, TC)
    for begin in range(0, count, TC):
        position = begin + i
        tile = low + tl.where(turned, count - 1 - position, position)
        mask = (position < count)[:, None] & valid[None, :]
        at = (br * tiles + tile)[:, None]
        end = tl.load(ends + at * lanes + e[None, :], mask, 0.0)
        total = tl.load(totals + at * channels + d[None, :], mask, 0.0)
        decay, state = tl.associative_scan((tl.exp2(a[None, :] * total), end), 0, _combine)
        state += decay * carry[None, :]
        if KEEP_STARTS:  # each tile's final state is what the next one starts from
            following = tl.where(turned, tile - 1, tile + 1)
            target = starts + (br * tiles + following)[:, None] * lanes + e[None, :]
            tl.store(target, state, mask & (position < count - 1)[:, None])
        carry = tl.sum(tl.where((i == TC - 1)[:, None], state, 0.0), 0)
        summed += tl.sum(total, 0)
    tl.store(last + at_segment * lanes + e, carry, valid)
    tl.store(sums + at_segment * channels + d, summed, valid & (n == 0))


@triton.jit
def tile_outputs(
    u, delta, A, B, C, D, bias, z, starts, y,
    L, channels, tiles, N: tl.constexpr,
    s_ub, s_ul, s_db, s_dl, s_dr, s_bb, s_bl, s_br, s_cb, s_cl, s_cr, s_zb, s_zl,
    T: tl.constexpr, BD: tl.constexpr, R: tl.constexpr, REVERSE: tl.constexpr,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, HAS_GATE: tl.constexpr,
    HAS_STARTS: tl.constexpr,
):  # fmt: skip
    c, d = tl.program_id(0), tl.program_id(1) * BD + tl.arange(0, BD)
    b = tl.program_id(2).to(tl.int64)
    rows = (c * T + tl.arange(0, T)).to(tl.int64)
    value = _load_tile(u + b * s_ub, rows, d, L, channels, s_ul)
    out = tl.zeros([T, BD], tl.float32)
    for r in tl.static_range(R):
        out += value * _load_row(D, r * channels + d, d < channels, HAS_D)[None, :]
        step, _ = _load_delta(
            delta + b * s_db, bias, rows, d, r, L, channels, s_dl, s_dr, HAS_BIAS, SOFTPLUS
        )
        start = starts + ((b * R + r) * tiles + c) * N * channels
        for n in range(N):
            a = tl.load(A + (r * channels + d) * N + n, d < channels, 0.0) * LOG2_E
            w = tl.load(B + b * s_bb + rows * s_bl + r * s_br + n, rows < L, 0.0).to(tl.float32)
            v = tl.load(C + b * s_cb + rows * s_cl + r * s_cr + n, rows < L, 0.0).to(tl.float32)
            h = _states(
                a, step, value, w, start + n * channels + d, d < channels, (r == 1) != REVERSE,
                HAS_STARTS,
            )  # fmt: skip
            out += h * v[:, None]
    if HAS_GATE:
        silu, _ = _load_gate(z + b * s_zb, rows, d, L, channels, s_zl)
        out *= silu
    mask = (rows < L)[:, None] & (d < channels)[None, :]
    target = y + (b * L + rows)[:, None] * channels + d[None, :]
    tl.store(target, out.to(y.dtype.element_ty), mask)


@triton.jit
def _states(
    a, step, value, w, start, mask, backwards: tl.constexpr,
    HAS_STARTS: tl.constexpr,
):  # fmt: skip
    """h of one state n over a tile: ZOH, Mamba §3.2."""
    decay = tl.exp2(step * a[None, :])
    decay, h = tl.associative_scan((decay, step * value * w[:, None]), 0, _combine, backwards)
    if HAS_STARTS:
        h += decay * tl.load(start, mask, 0.0)[None, :]
    return h


@triton.jit
def tile_gradients(
    u, delta, A, B, C, D, bias, z, grad_y, starts, carries,
    grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias, grad_z,
    batch, L, channels, tiles, N: tl.constexpr,
    s_ub, s_ul, s_db, s_dl, s_dr, s_bb, s_bl, s_br, s_cb, s_cl, s_cr, s_zb, s_zl,
    s_gb, s_gl,
    T: tl.constexpr, BD: tl.constexpr, R: tl.constexpr, REVERSE: tl.constexpr,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, HAS_GATE: tl.constexpr,
    HAS_STARTS: tl.constexpr, HAS_CARRIES: tl.constexpr,
):  # fmt: skip
    """All gradients of one tile; those of A, D and bias are summed over tiles by the caller, those
    of B and C over blocks of channels. ``carries``: a g from behind the tile, as ``starts``. The y
    that was multiplied by the gate is recomputed here, where all states are available."""
    c, k = tl.program_id(0), tl.program_id(1)
    d = k * BD + tl.arange(0, BD)
    b = tl.program_id(2).to(tl.int64)
    rows = (c * T + tl.arange(0, T)).to(tl.int64)
    inside, mask = rows < L, (rows < L)[:, None] & (d < channels)[None, :]
    value = _load_tile(u + b * s_ub, rows, d, L, channels, s_ul)
    gy = _load_tile(grad_y + b * s_gb, rows, d, L, channels, s_gl)
    out = tl.zeros([T, BD], tl.float32)  # y before the gate
    if HAS_GATE:
        silu, _ = _load_gate(z + b * s_zb, rows, d, L, channels, s_zl)
        gy *= silu
    for_u = tl.zeros([T, BD], tl.float32)
    for r in tl.static_range(R):
        skip = _load_row(D, r * channels + d, d < channels, HAS_D)
        step, slope = _load_delta(
            delta + b * s_db, bias, rows, d, r, L, channels, s_dl, s_dr, HAS_BIAS, SOFTPLUS
        )
        later = _load_later(
            delta + b * s_db, bias, rows, d, r, L, channels, s_dl, s_dr,
            (r == 1) != REVERSE, HAS_BIAS, SOFTPLUS, T,
        )  # fmt: skip
        last = tl.arange(0, T) == (0 if (r == 1) != REVERSE else T - 1)
        sum_b, sum_a = tl.zeros([T, BD], tl.float32), tl.zeros([T, BD], tl.float32)
        tile = (b * R + r) * tiles + c
        for n in range(N):
            a = tl.load(A + (r * channels + d) * N + n, d < channels, 0.0) * LOG2_E
            w = tl.load(B + b * s_bb + rows * s_bl + r * s_br + n, inside, 0.0).to(tl.float32)
            v = tl.load(C + b * s_cb + rows * s_cl + r * s_cr + n, inside, 0.0).to(tl.float32)
            at = (tile * N + n) * channels + d
            h = _states(
                a, step, value, w, starts + at, d < channels, (r == 1) != REVERSE, HAS_STARTS
            )
            if HAS_GATE:
                out += h * v[:, None]
            g = gy * v[:, None]
            if HAS_CARRIES:
                carry = tl.load(carries + at, d < channels, 0.0)
                g += tl.where(last[:, None], carry[None, :], 0.0)
            _, g = tl.associative_scan(
                (tl.exp2(later * a[None, :]), g), 0, _combine, (r == 1) == REVERSE
            )
            x = step * value * w[:, None]
            gah = g * (h - x)  # h - x is a h of the step before
            sum_b += g * w[:, None]
            sum_a += gah * (a / LOG2_E)[None, :]
            tl.store(grad_A + at, tl.sum(gah * step, 0), d < channels)
            slot = ((k * batch + b) * L + rows) * R + r
            tl.store(grad_B + slot * N + n, tl.sum(g * step * value, 1), inside)
            tl.store(grad_C + slot * N + n, tl.sum(gy * h, 1), inside)
        for_u += sum_b * step + gy * skip[None, :]
        if HAS_GATE:
            out += value * skip[None, :]
        for_delta = (sum_b * value + sum_a) * slope
        tl.store(
            grad_delta + ((b * L + rows) * R + r)[:, None] * channels + d[None, :], for_delta, mask
        )
        tl.store(grad_D + tile * channels + d, tl.sum(gy * value, 0), d < channels)
        tl.store(
            grad_bias + tile * channels + d, tl.sum(tl.where(mask, for_delta, 0.0), 0), d < channels
        )
    at = (b * L + rows)[:, None] * channels + d[None, :]
    tl.store(grad_u + at, for_u, mask)
    if HAS_GATE:  # loaded again: nothing is held in registers for it
        _, slope = _load_gate(z + b * s_zb, rows, d, L, channels, s_zl)
        out *= _load_tile(grad_y + b * s_gb, rows, d, L, channels, s_gl)
        tl.store(grad_z + at, out * slope, mask)
