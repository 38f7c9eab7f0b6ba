"""Pictures made smaller: a new pixel is the mean of the area that it covers, to OpenCV's byte.

As there, rows are summed up in float32 along x first, taps from left to right, then along y from
top to bottom, without fused products. A ``plan`` (see ``layout.py``) says where everything is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmamba.kernels import layout as p
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import bytes_at, floats_at, ints_at, load_at, store_at
from ssmamba.kernels.common import function
from ssmamba.kernels.layout import FLOAT_BYTES, LANES, QUAD_BYTES
from ssmamba.kernels.pixels import quads_at, store_rounded_at, widen

FOUR = 4  # new pixels that are made at once
PIXEL = 3 * FLOAT_BYTES


@function
def _widen_row(source: int, count: int, target: int) -> None:
    whole = count // LANES * LANES
    for i in range(0, whole, LANES):
        widen(source + i, target + FLOAT_BYTES * i)
    given, floats = bytes_at(source, count), floats_at(target, count)
    for i in range(whole, count):
        floats[i] = np.float32(given[i])


@function
def _four(row: int, firsts: Any, x: int, tap: int) -> Any:
    """One tap's pixels of four new pixels."""
    row += PIXEL * tap
    return quads_at(row + firsts[x], row + firsts[x + 1], row + firsts[x + 2], row + firsts[x + 3])


@function
def _along_x(row: int, firsts: Any, weights: int, taps: int, out: int) -> None:
    """A row of pixels as floats -> a quad for each new pixel."""
    if taps == 3:  # of windows up to twice as wide: without a loop
        for x in range(0, len(firsts), FOUR):
            total = v.multiply(_four(row, firsts, x, 0), load_at(weights))
            weights += FOUR * QUAD_BYTES
            total = v.add(total, v.multiply(_four(row, firsts, x, 1), load_at(weights)))
            weights += FOUR * QUAD_BYTES
            total = v.add(total, v.multiply(_four(row, firsts, x, 2), load_at(weights)))
            weights += FOUR * QUAD_BYTES
            store_at(out + QUAD_BYTES * x, total)
        return
    for x in range(0, len(firsts), FOUR):
        total = v.multiply(_four(row, firsts, x, 0), load_at(weights))
        for tap in range(1, taps):
            weights += FOUR * QUAD_BYTES
            total = v.add(total, v.multiply(_four(row, firsts, x, tap), load_at(weights)))
        weights += FOUR * QUAD_BYTES
        store_at(out + QUAD_BYTES * x, total)


@function
def _along_y(summed: int, row: int, weight: float, floats: int, is_first: bool) -> None:
    factor = v.splat(weight)
    for i in range(0, FLOAT_BYTES * floats, FLOAT_BYTES * LANES):
        value = v.multiply(load_at(row + i), factor)
        store_at(summed + i, value if is_first else v.add(load_at(summed + i), value))


@function
def _store_row(summed: int, wide: int, last: int, out: int) -> None:
    """last: scratch for the bytes of what is no whole four."""
    whole = wide // FOUR * FOUR
    for x in range(0, whole, FOUR):
        store_rounded_at(out + 3 * x, load_at(summed + QUAD_BYTES * x))
    rest = 3 * (wide - whole)
    if rest:
        store_rounded_at(last, load_at(summed + QUAD_BYTES * whole))
        given, kept = bytes_at(last, rest), bytes_at(out + 3 * whole, rest)
        for i in range(rest):
            kept[i] = given[i]


@function
def _shrink(plan: Any, image: int, out: int) -> None:
    high, wide, stride = plan[p.AREA_HIGH], plan[p.AREA_WIDE], 3 * plan[p.AREA_FROM_WIDE]
    floats = (QUAD_BYTES // FLOAT_BYTES * wide + LANES - 1) // LANES * LANES
    firsts = ints_at(plan[p.AREA_X_FIRST], floats * FLOAT_BYTES // QUAD_BYTES)
    taps = plan[p.AREA_X_TAPS]
    tops, bottoms = ints_at(plan[p.AREA_Y_FIRST], high), ints_at(plan[p.AREA_Y_END], high)
    weights = floats_at(plan[p.AREA_Y_WEIGHTS], bottoms[high - 1])
    summed = plan[p.AREA_SCRATCH]
    row = summed + FLOAT_BYTES * floats
    last = row + FLOAT_BYTES * floats
    source = last + FLOAT_BYTES * LANES
    held, tap = -1, 0
    for y in range(high):
        first = tap
        while tap < bottoms[y]:
            here = tops[y] + tap - first
            if here != held:  # a row may belong to two
                _widen_row(image + here * stride, stride, source)
                _along_x(source, firsts, plan[p.AREA_X_WEIGHTS], taps, row)
                held = here
            _along_y(summed, row, weights[tap], floats, tap == first)
            tap += 1
        _store_row(summed, wide, last, out + 3 * wide * y)


@function
def area(address: int) -> None:
    plan = ints_at(address, p.AREA_SIZE)
    images = ints_at(plan[p.AREA_IMAGES], plan[p.AREA_COUNT])
    for i in range(plan[p.AREA_COUNT]):
        out = plan[p.AREA_OUT] + 3 * i * plan[p.AREA_HIGH] * plan[p.AREA_WIDE]
        _shrink(plan, images[i], out)
