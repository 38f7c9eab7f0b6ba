"""Shared by both passes of the compiled scan: rows, and packing of states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from ssmamba.kernels import layout
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import load_at, load_head_at, store_at, store_head_at
from ssmamba.kernels.layout import FLOAT_BYTES, LANES

# Neither wrappers for calls from Python nor counted references: only the entry points are called,
# by address, and only they are kept.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
FUNCTIONS: list[Any] = []  # all that are compiled, to tell how far it is


def function(python: Callable[..., Any]) -> Any:
    """A function of the kernels, compiled once, for the types that it is called with."""
    compiled = njit(**_OPTIONS)(python)
    FUNCTIONS.append(compiled)
    return compiled


padded_lanes = function(layout.padded_lanes)
padded_states = function(layout.padded_states)
kept_floats = function(layout.kept_floats)


@function
def read(address: int, count: int) -> Any:
    """``count`` floats, 16 at most, with zeros behind them."""
    if count >= LANES:
        return load_at(address)
    return load_head_at(address, count)


@function
def write(address: int, count: int, value: Any) -> None:
    if count >= LANES:
        store_at(address, value)
    else:
        store_head_at(address, count, value)


@function
def read_vector(address: int, channel: int, count: int) -> Any:
    """16 channels' entries of D or delta_bias; zeros where there is none."""
    if address == 0:
        return v.splat(v.ZERO)
    return read(address + channel * FLOAT_BYTES, count)


@function
def clear(w: Any, start: int, stop: int) -> None:
    zero = v.splat(v.ZERO)
    for i in range(start, stop, LANES):
        v.store(w, i, zero)


@function
def pack(first: int, row: int, count: int, width: int, scale: float, w: Any, at: int) -> None:
    """(channels, count) as 16 channels side by side for each entry, scaled."""
    factor = v.splat(scale)
    for n in range(0, count, LANES):
        clear(w, at + width * LANES, at + LANES * LANES)
        for lane in range(width):
            entries = read(first + lane * row + n * FLOAT_BYTES, count - n)
            v.store(w, at + lane * LANES, v.multiply(entries, factor))
        v.transpose(w, at)
        at += LANES * LANES


@function
def unpack(w: Any, at: int, free: int, first: int, count: int, width: int) -> None:
    """Back to (channels, count), dense; ``free`` is a tile of scratch."""
    row = count * FLOAT_BYTES
    for n in range(0, count, LANES):
        for i in range(0, LANES * LANES, LANES):
            v.store(w, free + i, v.load(w, at + n * LANES + i))
        v.transpose(w, free)
        for lane in range(width):
            entries = v.load(w, free + lane * LANES)
            write(first + lane * row + n * FLOAT_BYTES, count - n, entries)
