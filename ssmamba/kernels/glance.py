"""Figures of pictures from which most are seen to be tissue without a closer look.

``ssmamba/inference/glance.py`` says what is made of them. A ``plan`` (see ``layout.py``) says where
everything is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmamba.kernels import layout as p
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import (
    bytes_at,
    doubles_at,
    floats_at,
    ints_at,
    load_at,
    shorts_at,
    splat_at,
    store_at,
)
from ssmamba.kernels.common import function, padded_lanes, read
from ssmamba.kernels.layout import FLOAT_BYTES, LANES, PIXELS
from ssmamba.kernels.pixels import (
    at_least,
    blue_at,
    green_at,
    highest,
    less,
    lowest,
    ones,
    red_at,
    store_sums,
)

WHITE = 255  # what stands behind a picture's last pixels: neither tissue nor ink nor black
REACH = 4  # pixels on both sides that the blur takes in
FOUR, MINUS = np.float32(-4.0), np.float32(-1.0)


@function
def _count(image: int, pixels: int, sums: int, tail: int, plan: Any, found: Any) -> None:
    """Sums of all pixels as floats, and how many have which colour, 64 at a time."""
    dark, black, shaded = plan[p.GLANCE_DARK] + 1, plan[p.GLANCE_BLACK] + 1, plan[p.GLANCE_SHADED]
    stained, of_green, of_red = plan[p.GLANCE_STAINED], plan[p.GLANCE_GREEN], plan[p.GLANCE_RED]
    light, tissue, all_lit, ink = 0, 0, 0, 0
    whole = pixels // PIXELS * PIXELS
    _pad(image + 3 * whole, 3 * (pixels - whole), tail)
    for i in range(0, pixels, PIXELS):
        at = image + 3 * i if i < whole else tail
        red, green, blue = red_at(at), green_at(at), blue_at(at)
        high, low = highest(highest(red, green), blue), lowest(lowest(red, green), blue)
        store_sums(sums + FLOAT_BYTES * i, red, green, blue)
        lit = at_least(high, black)
        is_stained = at_least(less(high, low), stained) | ~at_least(high, shaded + 1)
        light += ones(at_least(low, dark))
        tissue += ones(is_stained & lit)
        all_lit += ones(lit)
        ink += ones(at_least(less(green, red), of_green + 1))
        ink += ones(at_least(less(red, blue), of_red + 1))
        ink += ones(~at_least(high, dark))
    found[p.SEEN_LIGHT], found[p.SEEN_TISSUE] = light, tissue
    found[p.SEEN_LIT], found[p.SEEN_INK] = all_lit, ink


@function
def _pad(rest: int, count: int, tail: int) -> None:
    """What is no whole 64 pixels, with white behind it."""
    given, padded = bytes_at(rest, count), bytes_at(tail, 3 * PIXELS)
    for i in range(count):
        padded[i] = given[i]
    for i in range(count, 3 * PIXELS):
        padded[i] = WHITE


@function
def _is_neutral(at: int, plan: Any) -> bool:
    """Whether a pixel may be padding by its colour."""
    pixel = bytes_at(at, 3)
    red, green, blue = np.int64(pixel[0]), np.int64(pixel[1]), np.int64(pixel[2])
    high, low = max(max(red, green), blue), min(min(red, green), blue)
    if high <= plan[p.GLANCE_BLACK] or high > plan[p.GLANCE_BRIGHT]:
        return False
    return high - low <= plan[p.GLANCE_NEUTRAL]


@function
def _neutral_edge(image: int, high: int, wide: int, plan: Any) -> int:
    """How many of an edge's pixels are neutral, of that edge that has the most."""
    top, bottom, left, right = 0, 0, 0, 0
    line = 3 * wide
    last = image + line * (high - 1)
    for at in range(0, line, 3):
        top += _is_neutral(image + at, plan)
        bottom += _is_neutral(last + at, plan)
    for at in range(image, image + line * high, line):
        left += _is_neutral(at, plan)
        right += _is_neutral(at + line - 3, plan)
    return max(max(top, bottom), max(left, right))


@function
def _is_ink(red: int, green: int, blue: int, limits: Any) -> bool:
    """Whether sums over a square may be those of ink, as ``ssmamba.slides.ink`` has it."""
    over = green - red
    if over > limits[0] and blue - green < limits[1]:
        return True
    if over > limits[3] and blue - red > limits[2]:
        return True
    if red - blue > limits[4] and blue <= limits[5] and red - green > limits[6]:
        return True
    high = max(max(red, green), blue)
    if high > limits[7] or high <= limits[8]:
        return False
    return high - min(min(red, green), blue) <= limits[9]


@function
def _ink_squares(image: int, high: int, wide: int, row: Any, plan: Any) -> int:
    """How many squares may be ink."""
    step, limits = plan[p.GLANCE_STEP], ints_at(plan[p.GLANCE_LIMITS], 10)
    number = 0
    for y in range(high // step):
        for x in range(3 * wide):
            row[x] = 0
        for i in range(step):
            given = bytes_at(image + 3 * wide * (y * step + i), 3 * wide)
            for x in range(3 * wide):
                row[x] += given[x]
        for x in range(0, 3 * step * (wide // step), 3 * step):
            red, green, blue = np.int64(0), np.int64(0), np.int64(0)
            for i in range(x, x + 3 * step, 3):
                red += row[i]
                green += row[i + 1]
                blue += row[i + 2]
            number += _is_ink(red, green, blue, limits)
    return number


@function
def _variance(first: int, stride: int, second: int, rows: int, wide: int, count: int) -> float:
    """Of the differences between floats in the rows of two pictures.

    stride: between the first's rows; 0 where all of the second's are compared with one.
    """
    minus = v.splat(MINUS)
    sums, squares, whole = 0.0, 0.0, FLOAT_BYTES * (count // LANES * LANES)
    for row in range(rows):
        a, b = first + row * stride, second + row * FLOAT_BYTES * wide
        total, power = v.splat(v.ZERO), v.splat(v.ZERO)
        for at in range(0, whole, FLOAT_BYTES * LANES):
            value = v.fma(load_at(a + at), minus, load_at(b + at))
            total, power = v.add(total, value), v.fma(value, value, power)
        if count % LANES:
            rest = count % LANES
            value = v.fma(read(a + whole, rest), minus, read(b + whole, rest))
            total, power = v.add(total, value), v.fma(value, value, power)
        sums += v.sum_lanes(total)
        squares += v.sum_lanes(power)
    mean = sums / (rows * count)
    return squares / (rows * count) - mean * mean


@function
def _blur(sums: int, wide: int, weights: int, column: int, out: int) -> None:
    """A row of the picture evened out over 9 x 9 pixels, from its fifth pixel on.

    sums: of the row four above it.
    """
    for at in range(0, FLOAT_BYTES * wide, FLOAT_BYTES * LANES):
        total = v.splat(v.ZERO)
        for i in range(2 * REACH + 1):
            weight = splat_at(weights + FLOAT_BYTES * i)
            total = v.fma(load_at(sums + at + FLOAT_BYTES * wide * i), weight, total)
        store_at(column + at, total)
    for at in range(0, FLOAT_BYTES * (wide - 2 * REACH), FLOAT_BYTES * LANES):
        total = v.splat(v.ZERO)
        for i in range(2 * REACH + 1):
            weight = splat_at(weights + FLOAT_BYTES * i)
            total = v.fma(load_at(column + at + FLOAT_BYTES * i), weight, total)
        store_at(out + at, total)


@function
def _detail(sums: int, high: int, wide: int, weights: int, scratch: int, enough: float) -> float:
    """Squares of the detail about its mean, added up from the middle down until they are enough.

    The whole picture has at least as much.
    """
    line = FLOAT_BYTES * padded_lanes(wide + LANES)
    column, rows = scratch, scratch + line
    count = (wide - 2 * REACH - 2) // LANES * LANES
    total, power, number = 0.0, 0.0, 0
    four = v.splat(FOUR)
    first = max(0, high // 2 - high // 16 - REACH)
    for y in range(first, high - 2 * REACH):
        _blur(sums + FLOAT_BYTES * wide * y, wide, weights, column, rows + y % 3 * line)
        if y < first + 2:
            continue
        above, here = rows + (y - 2) % 3 * line, rows + (y - 1) % 3 * line + FLOAT_BYTES
        below = rows + y % 3 * line
        added, squared = v.splat(v.ZERO), v.splat(v.ZERO)
        for at in range(0, FLOAT_BYTES * count, FLOAT_BYTES * LANES):
            x = v.add(load_at(above + FLOAT_BYTES + at), load_at(below + FLOAT_BYTES + at))
            x = v.add(x, v.add(load_at(here - FLOAT_BYTES + at), load_at(here + FLOAT_BYTES + at)))
            x = v.fma(load_at(here + at), four, x)
            added, squared = v.add(added, x), v.fma(x, x, squared)
        total += v.sum_lanes(added)
        power += v.sum_lanes(squared)
        number += count
        if power - total * total / number >= enough:
            break
    return power - total * total / number if number else 0.0


@function
def _look(image: int, plan: Any, found: Any) -> None:
    high, wide = plan[p.GLANCE_HIGH], plan[p.GLANCE_WIDE]
    pixels, line = high * wide, FLOAT_BYTES * wide
    sums = plan[p.GLANCE_SCRATCH]
    rest = sums + FLOAT_BYTES * (pixels + PIXELS)  # after the sums; used again and again
    for i in range(p.SEEN_SIZE):
        found[i] = 0.0
    _count(image, pixels, sums, rest, plan, found)
    found[p.SEEN_EDGE] = _neutral_edge(image, high, wide, plan)
    if plan[p.GLANCE_STEP]:
        row = shorts_at(rest, 3 * wide)
        found[p.SEEN_INK_SQUARES] = _ink_squares(image, high, wide, row, plan)
    zeros = floats_at(rest, padded_lanes(wide))
    for i in range(len(zeros)):
        zeros[i] = v.ZERO
    found[p.SEEN_VARIANCE] = _variance(rest, np.int64(0), sums, high, wide, wide)
    for step in (1, 4):
        down = _variance(sums, line, sums + step * line, high - step, wide, wide)
        across = _variance(sums, line, sums + FLOAT_BYTES * step, high, wide, wide - step)
        found[p.SEEN_NEAR if step == 1 else p.SEEN_FAR] = down + across
    enough = float(plan[p.GLANCE_ENOUGH])
    found[p.SEEN_DETAIL] = _detail(sums, high, wide, plan[p.GLANCE_WEIGHTS], rest, enough)


@function
def glance(address: int) -> None:
    plan = ints_at(address, p.GLANCE_SIZE)
    count = plan[p.GLANCE_COUNT]
    images = ints_at(plan[p.GLANCE_IMAGES], count)
    for i in range(count):
        found = doubles_at(plan[p.GLANCE_OUT] + 8 * p.SEEN_SIZE * i, p.SEEN_SIZE)
        _look(images[i], plan, found)
