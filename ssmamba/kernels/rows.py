"""What stands between a network's products, in one pass over the rows: sums, norms, SiLU, pooling.

Channel-last rows are read and written as float32 or bfloat16, whichever the products around them
want; the arithmetic, a norm's statistics too, is float32. A ``plan`` (see ``layout.py``) says where
everything is.

identity, norm, silu    x = first (+ second);  sum = x;  out = x | LayerNorm(x) | silu(x)
pool       out = the greatest of 3 x 3, two apart, of first, (pictures, HIGH, WIDE, WIDTH)
moments    out = mean and standard deviation (pictures, 2, WIDTH) of each picture's channels
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmamba.kernels import layout as p
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import (
    address_of,
    floats_at,
    ints_at,
    load_half_at,
    load_half_head_at,
    load_head_at,
    splat_at,
    store_half_at,
    store_half_head_at,
)
from ssmamba.kernels.common import function, inlined, padded_lanes, read, write
from ssmamba.kernels.layout import FLOAT_BYTES, LANES

HALF_BYTES = 2
BLOCK = 64  # rows that are added up by themselves: the sums of long pictures stay exact enough
LEAST = np.float32(-np.inf)


@function
def _read(address: int, column: int, half: bool, count: int) -> Any:
    """``count`` entries from a column on, 16 at most, with zeros behind them."""
    inlined()
    if half:
        if count >= LANES:
            return load_half_at(address + HALF_BYTES * column)
        return load_half_head_at(address + HALF_BYTES * column, count)
    return read(address + FLOAT_BYTES * column, count)


@function
def _write(address: int, column: int, half: bool, count: int, value: Any) -> None:
    inlined()
    if half:
        if count >= LANES:
            store_half_at(address + HALF_BYTES * column, value)
        else:
            store_half_head_at(address + HALF_BYTES * column, count, value)
    else:
        write(address + FLOAT_BYTES * column, count, value)


@function
def _normalise(width: int, total: Any, scale: int, out: int, half: bool, w: Any) -> None:
    """LayerNorm of the row in ``w``, padded with zeros; ``total`` is its sum, lane by lane."""
    mean = v.sum_lanes(total) / np.float32(width)
    shift = v.splat(-mean)
    squares = v.splat(v.ZERO)
    for c in range(0, width, LANES):
        x = v.add(v.load(w, c), shift)
        if width - c < LANES:  # the padding is no part of the row
            v.store(w, padded_lanes(width), x)
            x = load_head_at(address_of(w, padded_lanes(width)), width - c)
        squares = v.fma(x, x, squares)
    variance = v.sum_lanes(squares) / np.float32(width)
    epsilon = v.first_lane(splat_at(scale + 8 * width))
    slope = v.splat(v.ONE / np.sqrt(variance + epsilon))
    for c in range(0, width, LANES):
        count = width - c
        x = v.multiply(v.add(v.load(w, c), shift), slope)
        weight, bias = _read(scale, c, False, count), _read(scale + 4 * width, c, False, count)
        _write(out, c, half, count, v.fma(x, weight, bias))


@function
def _rows(plan: Any, first: int, stop: int, w: Any) -> None:
    operation, width, scale = plan[p.OPERATION], plan[p.WIDTH], plan[p.SCALE]
    a_half, b_half, out_half = (
        plan[p.FIRST_HALF] != 0,
        plan[p.SECOND_HALF] != 0,
        plan[p.OUT_HALF] != 0,
    )
    has_b, has_sum, has_out = plan[p.SECOND] != 0, plan[p.SUM] != 0, plan[p.OUT] != 0
    for row in range(first, stop):
        a, b = plan[p.FIRST] + row * plan[p.FIRST_ROW], plan[p.SECOND] + row * plan[p.SECOND_ROW]
        kept, out = plan[p.SUM] + row * plan[p.SUM_ROW], plan[p.OUT] + row * plan[p.OUT_ROW]
        total = v.splat(v.ZERO)
        for c in range(0, width, LANES):
            count = width - c
            x = _read(a, c, a_half, count)
            if has_b:
                x = v.add(x, _read(b, c, b_half, count))
            if has_sum:
                _write(kept, c, False, count, x)
            if operation == p.NORM:
                v.store(w, c, x)
                total = v.add(total, x)
                continue
            if operation == p.SILU:
                x = v.multiply(x, v.sigmoid(x))
            if has_out:
                _write(out, c, out_half, count, x)
        if operation == p.NORM:
            _normalise(width, total, scale, out, out_half, w)


@function
def _pool(plan: Any, first: int, stop: int) -> None:
    """Rows first to stop - 1 of all pictures' pooled rows."""
    high, wide, width, half = plan[p.HIGH], plan[p.WIDE], plan[p.WIDTH], plan[p.FIRST_HALF] != 0
    rows, columns = (high + 1) // 2, (wide + 1) // 2
    bytes_each = HALF_BYTES if half else FLOAT_BYTES
    for row in range(first, stop):
        y = 2 * (row % rows)
        top, bottom = max(y - 1, 0), min(y + 2, high)
        picture = plan[p.FIRST] + row // rows * high * wide * width * bytes_each
        for column in range(columns):
            left, right = max(2 * column - 1, 0), min(2 * column + 2, wide)
            out = plan[p.OUT] + (row * columns + column) * width * bytes_each
            for c in range(0, width, LANES):
                count = width - c
                best = v.splat(LEAST)
                for i in range(top, bottom):
                    for j in range(left, right):
                        at = picture + (i * wide + j) * width * bytes_each
                        best = v.maximum(best, _read(at, c, half, count))
                _write(out, c, half, count, best)


@function
def _moments(plan: Any, picture: int) -> None:
    """Unbiased, as torch's ``std``; of two passes."""
    rows, width, half = plan[p.HIGH] * plan[p.WIDE], plan[p.WIDTH], plan[p.FIRST_HALF] != 0
    first = plan[p.FIRST] + picture * rows * plan[p.FIRST_ROW]
    out = plan[p.OUT] + picture * 2 * width * 4
    share, rest = v.splat(v.ONE / np.float32(rows)), np.float32(rows) - v.ONE
    minus = v.splat(np.float32(-1.0))
    for c in range(0, width, LANES):
        count = width - c
        total = v.splat(v.ZERO)
        for start in range(0, rows, BLOCK):
            part = v.splat(v.ZERO)
            for row in range(start, min(start + BLOCK, rows)):
                part = v.add(part, _read(first + row * plan[p.FIRST_ROW], c, half, count))
            total = v.add(total, part)
        mean = v.multiply(total, share)
        shift, squares = v.multiply(mean, minus), v.splat(v.ZERO)
        for start in range(0, rows, BLOCK):
            part = v.splat(v.ZERO)
            for row in range(start, min(start + BLOCK, rows)):
                x = v.add(_read(first + row * plan[p.FIRST_ROW], c, half, count), shift)
                part = v.fma(x, x, part)
            squares = v.add(squares, part)
        _write(out, c, False, count, mean)
        spread = v.square_root(v.multiply(squares, v.splat(v.ONE / rest)))
        _write(out + 4 * width, c, False, count, spread)


@function
def rows(address: int) -> None:
    """Take tasks from the plan until none is left; any number of threads may call it."""
    plan = ints_at(address, p.ROWS_SIZE)
    task = v.fetch_add_one(plan, p.TAKEN)
    if task >= plan[p.TASKS]:
        return
    seat = v.fetch_add_one(plan, p.SEATS)
    size = plan[p.SEAT_BYTES]
    w = floats_at(plan[p.SCRATCH] + seat * size, size // FLOAT_BYTES)
    while task < plan[p.TASKS]:
        first = task * plan[p.GRAIN]
        stop = min(first + plan[p.GRAIN], plan[p.ROWS])
        if plan[p.OPERATION] == p.MOMENTS:
            _moments(plan, task)
        elif plan[p.OPERATION] == p.POOL:
            _pool(plan, first, stop)
        else:
            _rows(plan, first, stop, w)
        task = v.fetch_add_one(plan, p.TAKEN)
