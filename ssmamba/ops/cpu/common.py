"""Shared by both passes of the compiled scan: scratch memory, rows, and packing of states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ssmamba.ops.cpu import vectors as v
from ssmamba.ops.cpu.vectors import LANES

OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**OPTIONS)
def scratch(size: int) -> Any:
    """An uninitialised float32 array that begins on a cache line."""
    array = np.empty(size + LANES, np.float32)
    start = ((64 - array.ctypes.data % 64) % 64) // 4
    return array[start : start + size]


@njit(**OPTIONS)
def padded_lanes(count: int) -> int:
    return (count + LANES - 1) // LANES * LANES


@njit(**OPTIONS)
def padded_states(N: int) -> int:
    """States in whole blocks of 8; a single state has a block of its own."""
    return N if N == 1 else (N + 7) // 8 * 8


@njit(**OPTIONS)
def read(array: Any, row: int, column: int) -> Any:
    """array[row, column:column + 16], with zeros beyond the row's end."""
    width = array.shape[1] - column
    if width >= LANES:
        return v.load_row(array, row, column)
    return v.load_row_head(array, row, column, max(width, 0))


@njit(**OPTIONS)
def write(array: Any, row: int, column: int, value: Any) -> None:
    """array[row, column:column + 16] = value, as far as the row goes."""
    width = array.shape[1] - column
    if width >= LANES:
        v.store_row(array, row, column, value)
    else:
        v.store_row_head(array, row, column, width, value)


@njit(**OPTIONS)
def clear(w: Any, start: int, stop: int) -> None:
    zero = v.splat(np.float32(0.0))
    for i in range(start, stop, LANES):
        v.store(w, i, zero)


@njit(**OPTIONS)
def copy(source: Any, source_at: int, target: Any, target_at: int, size: int) -> None:
    for i in range(0, size, LANES):
        v.store(target, target_at + i, v.load(source, source_at + i))


@njit(**OPTIONS)
def copy_bc(
    B: Any, C: Any, first: int, step: int, count: int, w: Any, bc: int, bc_size: int
) -> None:
    """Rows of B and C side by side, padded with zeros."""
    half = bc_size // 2
    for t in range(count):
        at = bc + t * bc_size
        for n in range(0, half, LANES):
            v.store(w, at + n, read(B, first + step * t, n))
            v.store(w, at + half + n, read(C, first + step * t, n))


@njit(**OPTIONS)
def pack_states(source: Any, k: int, scale: float, w: Any, at: int) -> None:
    """(channels, N) -> 16 channels side by side for each state, zeros in the padding."""
    channels, N = source.shape
    first = k * LANES
    lanes = min(LANES, channels - first)
    if lanes < LANES or padded_states(N) > N:
        clear(w, at, at + padded_states(N) * LANES)
    for lane in range(lanes):
        row = source[first + lane]
        for n in range(N):
            w[at + n * LANES + lane] = row[n] * scale


@njit(**OPTIONS)
def unpack_states(w: Any, at: int, k: int, target: Any) -> None:
    """Back to (channels, N)."""
    channels, N = target.shape
    for c in range(k * LANES, min(channels, (k + 1) * LANES)):
        for n in range(N):
            target[c, n] = w[at + n * LANES + c - k * LANES]
