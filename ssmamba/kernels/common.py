"""Shared by the passes of the compiled scan: rows, and packing of states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from ssmamba.kernels import layout
from ssmamba.kernels import vectors as v
from ssmamba.kernels.addresses import load_at, load_head_at, store_at, store_head_at
from ssmamba.kernels.layout import FLOAT_BYTES, LANES

LOG2_E, LN_2 = np.float32(v.LOG2_E), np.float32(0.6931471805599453)
VECTOR_BYTES = LANES * FLOAT_BYTES

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


def _attribute(name: str) -> Any:
    """An instruction that marks the function that has it for LLVM."""

    @intrinsic  # type: ignore[untyped-decorator]
    def mark(typing_context: Any) -> Any:
        def codegen(context: Any, b: Any, signature: Any, values: Any) -> Any:
            b.function.attributes.add(name)
            return context.get_dummy_value()

        return types.void(), codegen

    return mark


# apart() keeps the function that calls it from being copied into its callers: it is compiled once.
# inlined() has it copied into all of them, where a call for each vector would cost more.
apart, inlined = _attribute("noinline"), _attribute("alwaysinline")
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


@function
def copy_states(source: int, step: int, count: int, N: int, w: Any, at: int) -> None:
    """Rows of B or C, padded with zeros."""
    for t in range(count):
        for n in range(0, N, LANES):
            v.store(w, at + n, read(source + t * step + n * FLOAT_BYTES, N - n))
        at += padded_lanes(N)


@function
def copy_bc(
    B: int, B_step: int, C: int, C_step: int, count: int, N: int, w: Any, bc: int, bc_size: int
) -> None:
    """Rows of B and C side by side, padded with zeros."""
    half = bc_size // 2
    for t in range(count):
        at = bc + t * bc_size
        for n in range(0, half, LANES):
            v.store(w, at + n, read(B + t * B_step + n * FLOAT_BYTES, N - n))
            v.store(w, at + half + n, read(C + t * C_step + n * FLOAT_BYTES, N - n))
