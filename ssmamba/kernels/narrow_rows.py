"""Rows of few channels, one directly behind the other, so that vectors of 16 floats are full.

A step has ``width`` floats in the scratch array ``w``, and step t stands at ``+ t * width``.
Addresses and steps count bytes; a step may be negative.
"""

from __future__ import annotations

from typing import Any

from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import (
    load_at,
    load_head_at,
    prefetch_at,
    splat_at,
    store_at,
    store_few_at,
)
from ssmamba.kernels.common import apart, clear, function, padded_lanes
from ssmamba.kernels.layout import FLOAT_BYTES, LANES, LINE_FLOATS

LINE_BYTES = LINE_FLOATS * FLOAT_BYTES


@function
def gather(
    source: int, step: int, count: int, width: int, more: int, ahead: int, w: Any, at: int
) -> None:
    """``count`` rows, and zeros behind them; ``more``: rows that follow in memory, at least.

    ``ahead``: how far from here the rows lie that will be wanted next.
    """
    apart()
    room = more * abs(step) + width * FLOAT_BYTES  # from the last row in memory on
    for t in range(count):
        row = source + t * step
        prefetch_at(row + ahead)
        later = count - 1 - t if step > 0 else t
        whole = room + later * abs(step) >= padded_lanes(width) * FLOAT_BYTES
        for c in range(0, width, LANES):  # what stands beyond the row, the next row covers
            if whole:
                value = load_at(row + c * FLOAT_BYTES)
            else:
                value = load_head_at(row + c * FLOAT_BYTES, width - c)
            v.store(w, at + t * width + c, value)
    v.store(w, at + count * width, v.splat(v.ZERO))


@function
def touch(source: int, step: int, count: int, size: int) -> None:
    """Have rows of ``size`` bytes brought into the cache."""
    for t in range(count):
        for i in range(0, size, LINE_BYTES):
            prefetch_at(source + t * step + i)


@function
def repeat(source: int, count: int, width: int, w: Any, at: int) -> None:
    """One row ``count`` times; zeros where there is none (address 0)."""
    apart()
    if source == 0:
        clear(w, at, at + padded_lanes(count * width))
        return
    step = source - source  # of 0, but no constant: gather would be compiled for it once more
    gather(source, step, count, width, step, step, w, at)


@function
def project(
    entries: int, step: int, count: int, width: int, rank: int, w: Any, weight: int, at: int
) -> None:
    """Rows of a low-rank delta: ``rank`` entries of a step times the weight's rows."""
    apart()
    wide = padded_lanes(width)
    for t in range(count):
        for c in range(0, width, LANES):
            value = v.splat(v.ZERO)
            for i in range(rank):
                factor = splat_at(entries + t * step + i * FLOAT_BYTES)
                value = v.fma(factor, v.load(w, weight + i * wide + c), value)
            v.store(w, at + t * width + c, value)


@function
def scatter(w: Any, at: int, to: int, step: int, count: int, width: int, ahead: int) -> None:
    """Rows to memory, where nothing else is touched; ``ahead`` as of ``gather``."""
    apart()
    dense = abs(step) == width * FLOAT_BYTES  # what stands beyond the row, the next row covers
    for i in range(count):
        t = i if step > 0 else count - 1 - i
        room = (count - i) * width if dense else width
        prefetch_at(to + t * step + ahead)
        for c in range(0, width, LANES):
            place, value = to + t * step + c * FLOAT_BYTES, v.load(w, at + t * width + c)
            if room - c >= LANES:
                store_at(place, value)
            else:
                store_few_at(w, at + t * width + c, place, width - c)
