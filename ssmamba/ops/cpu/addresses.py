"""Loads and stores by address, for kernels that are told where things are (see ``plan.py``).

Addresses and the distances between them count bytes.
"""

from __future__ import annotations

from typing import Any

from numba import types

from ssmamba.ops.cpu.vectors import (
    FLOAT,
    INT64,
    Builder,
    Value,
    element_pointer,
    emit_load,
    emit_load_head,
    emit_splat,
    emit_store,
    emit_store_head,
    intrinsic,
    vector_t,
)


def emit_pointer(b: Builder, address: Value) -> Value:
    """A float pointer from an address in bytes."""
    return b.inttoptr(address, FLOAT.as_pointer())


@intrinsic
def address_of(typing_context: Any, array: Any, offset: Any) -> Any:
    """Address in bytes of element ``offset`` of a contiguous 1-D array, which must stay alive."""

    def codegen(context: Any, b: Builder, signature: Any, args: Any) -> Value:
        return b.ptrtoint(element_pointer(context, b, signature.args[0], *args), INT64)

    return types.int64(array, types.intp), codegen


@intrinsic
def load_at(typing_context: Any, address: Any) -> Any:
    """16 floats from an address on."""

    def codegen(context: Any, b: Builder, signature: Any, args: Any) -> Value:
        return emit_load(b, emit_pointer(b, args[0]))

    return vector_t(types.int64), codegen


@intrinsic
def store_at(typing_context: Any, address: Any, value: Any) -> Any:
    """Write 16 floats from an address on."""

    def codegen(context: Any, b: Builder, signature: Any, args: Any) -> Value:
        emit_store(b, args[1], emit_pointer(b, args[0]))
        return context.get_dummy_value()

    return types.void(types.int64, vector_t), codegen


@intrinsic
def splat_at(typing_context: Any, address: Any) -> Any:
    """The float32 at an address in every lane."""

    def codegen(context: Any, b: Builder, signature: Any, args: Any) -> Value:
        return emit_splat(b, b.load(emit_pointer(b, args[0])))

    return vector_t(types.int64), codegen


@intrinsic
def load_head_at(typing_context: Any, address: Any, count: Any) -> Any:
    """``count`` floats from an address on with zeros behind them; nothing beyond is touched."""

    def codegen(context: Any, b: Builder, signature: Any, args: Any) -> Value:
        return emit_load_head(b, emit_pointer(b, args[0]), args[1])

    return vector_t(types.int64, types.int64), codegen


@intrinsic
def store_head_at(typing_context: Any, address: Any, count: Any, value: Any) -> Any:
    """Write value[:count] from an address on; nothing beyond is touched."""

    def codegen(context: Any, b: Builder, signature: Any, args: Any) -> Value:
        emit_store_head(b, args[2], emit_pointer(b, args[0]), args[1])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector_t), codegen
