"""Loads and stores by address, for kernels that work with a plan of addresses (see ``plan.py``).

Addresses and the distances between them count bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from ssmamba.kernels.vectors import (
    FLOAT,
    INT32,
    INT64,
    Builder,
    Value,
    array_instruction,
    emit_load,
    emit_load_half,
    emit_load_half_head,
    emit_load_head,
    emit_splat,
    emit_store,
    emit_store_half,
    emit_store_half_head,
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

# The same of bfloat16, which is float32 between them.
load_half_at = _by_address(emit_load_half, vector_t)
store_half_at = _by_address(emit_store_half, types.void, vector_t)
load_half_head_at = _by_address(emit_load_half_head, vector_t, types.int64)
store_half_head_at = _by_address(emit_store_half_head, types.void, types.int64, vector_t)

# The float32 at an address in every lane.
splat_at = _by_address(lambda b, pointer: emit_splat(b, b.load(pointer)), vector_t)


def emit_prefetch(b: Builder, pointer: Value) -> None:
    kind = ir.FunctionType(ir.VoidType(), [pointer.type] + [INT32] * 3)
    function = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0")
    read, often, data = (ir.Constant(INT32, i) for i in (0, 3, 1))
    b.call(function, [pointer, read, often, data])


# Brings the line of an address, which need not exist, into the cache.
prefetch_at = _by_address(emit_prefetch, types.void)


def _emit_store_few(b: Builder, source: Value, address: Value, count: Value) -> None:
    target = emit_pointer(b, address)
    with cgutils.for_range(b, count, intp=INT64) as loop:
        value = b.load(b.gep(source, [loop.index]))
        # a masked store of AVX2 takes AMD's processors as long as ten of these
        b.store(value, b.gep(target, [loop.index]))


# store_few_at(w, offset, address, count): fewer floats than a vector has, from w to an address.
store_few_at = array_instruction(_emit_store_few, types.void, 1, types.int64, types.int64)


def _view(kind: Any) -> Any:
    """view(address, count): a contiguous 1-D array of what begins there, which must stay alive."""

    @intrinsic  # type: ignore[untyped-decorator]
    def view(typing_context: Any, address: Any, count: Any) -> Any:
        def codegen(context: Any, b: Builder, signature: Any, values: Any) -> Value:
            array = context.make_array(signature.return_type)(context, b)
            entry = context.get_data_type(kind)
            size = ir.Constant(INT64, context.get_abi_sizeof(entry))
            arrayobj.populate_array(
                array,
                data=b.inttoptr(values[0], entry.as_pointer()),
                shape=[values[1]],
                strides=[size],
                itemsize=size,
                meminfo=None,
            )
            return array._getvalue()

        return types.Array(kind, 1, "C")(types.int64, types.int64), codegen

    return view


ints_at = _view(types.int64)
floats_at = _view(types.float32)
doubles_at = _view(types.float64)
bytes_at = _view(types.uint8)
shorts_at = _view(types.uint16)
