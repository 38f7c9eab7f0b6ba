"""Loads and stores by address, for kernels that work with a plan of addresses (see ``plan.py``).

Addresses and the distances between them count bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from ssmamba.ops.cpu.vectors import (
    FLOAT,
    INT64,
    Builder,
    Value,
    array_instruction,
    emit_load,
    emit_load_head,
    emit_splat,
    emit_store,
    emit_store_head,
    instruction,
    vector_t,
)


def emit_pointer(b: Builder, address: Value) -> Value:
    """A float pointer from an address in bytes."""
    return b.inttoptr(address, FLOAT.as_pointer())


def _by_address(emit: Callable[..., Value | None], result: Any, *arguments: Any) -> Any:
    def emit_at(b: Builder, address: Value, *values: Value) -> Value | None:
        return emit(b, emit_pointer(b, address), *values)

    return instruction(emit_at, result, types.int64, *arguments)


# Address in bytes of element ``offset`` of a contiguous 1-D array, which must stay alive.
address_of = array_instruction(lambda b, pointer: b.ptrtoint(pointer, INT64), types.int64, 1)

# 16 floats from an address on; ..._head(address, count): so many of them, with zeros behind them,
# and nothing beyond is touched.
load_at = _by_address(emit_load, vector_t)
store_at = _by_address(emit_store, types.void, vector_t)
load_head_at = _by_address(emit_load_head, vector_t, types.int64)
store_head_at = _by_address(emit_store_head, types.void, types.int64, vector_t)

# The float32 at an address in every lane.
splat_at = _by_address(lambda b, pointer: emit_splat(b, b.load(pointer)), vector_t)
