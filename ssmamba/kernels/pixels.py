"""Vectors of bytes and of single pixels for numba, written as LLVM IR (see ``vectors.py``).

Two kinds: 64 bytes, one of each of 64 pixels; and a mask of 64 bits, which is an integer. A quad is
four floats of which the first three are a pixel's colours; a vector of 16 holds four of them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import models, register_model

from ssmamba.kernels.layout import LANES, PIXELS
from ssmamba.kernels.vectors import (
    FLOAT,
    INT32,
    INT64,
    INT_VECTOR,
    VECTOR,
    Builder,
    Value,
    emit_call,
    instruction,
    vector_t,
)

BYTE = ir.IntType(8)
BYTES = ir.VectorType(BYTE, PIXELS)
QUAD = ir.VectorType(FLOAT, 4)
MAGIC = 12582912.0  # 1.5 * 2**23: added to a small number, it leaves that rounded in the low bits


class BytesType(types.Type):
    """numba's name for ``<64 x i8>``."""

    def __init__(self) -> None:
        super().__init__(name=f"vector{PIXELS}u8")


bytes_t = BytesType()


@register_model(BytesType)
class _BytesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, frontend_type: Any) -> None:
        super().__init__(manager, frontend_type, BYTES)


def _load(b: Builder, address: Value, kind: Any, align: int = 1) -> Value:
    value = b.load(b.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


def _store(b: Builder, value: Value, address: Value, align: int = 1) -> None:
    b.store(value, b.inttoptr(address, value.type.as_pointer())).align = align


def _lanes(numbers: list[int]) -> Value:
    return ir.Constant(ir.VectorType(INT32, len(numbers)), [ir.Constant(INT32, n) for n in numbers])


def _channel(number: int) -> Any:
    """One of three colours of the 64 pixels that begin at an address.

    A load of all their bytes and every third of them: that LLVM knows, and takes the load once.
    """
    places = _lanes(list(range(number, 3 * PIXELS, 3)))
    all_bytes = ir.VectorType(BYTE, 3 * PIXELS)

    def emit(b: Builder, address: Value) -> Value:
        pixels = _load(b, address, all_bytes)
        return b.shuffle_vector(pixels, ir.Constant(all_bytes, ir.Undefined), places)

    return instruction(emit, bytes_t, types.int64)


red_at, green_at, blue_at = (_channel(number) for number in range(3))


def _emit_pair(name: str) -> Any:
    def emit(b: Builder, x: Value, y: Value) -> Value:
        return emit_call(b, f"llvm.{name}.v{PIXELS}i8", BYTES, x, y)

    return instruction(emit, bytes_t, bytes_t, bytes_t)


highest, lowest = _emit_pair("umax"), _emit_pair("umin")
less = _emit_pair("usub.sat")  # x - y, and 0 where y is larger


def _emit_at_least(b: Builder, values: Value, limit: Value) -> Value:
    first = b.insert_element(
        ir.Constant(BYTES, ir.Undefined), b.trunc(limit, BYTE), ir.Constant(INT32, 0)
    )
    limits = b.shuffle_vector(first, ir.Constant(BYTES, ir.Undefined), _lanes([0] * PIXELS))
    return b.bitcast(b.icmp_unsigned(">=", values, limits), INT64)


# at_least(bytes, limit): the mask of those that are not below a limit of 0 to 255.
at_least = instruction(_emit_at_least, types.int64, bytes_t, types.int64)
ones = instruction(lambda b, mask: emit_call(b, "llvm.ctpop.i64", INT64, mask), types.int64,
                   types.int64)  # fmt: skip


def _emit_store_sums(b: Builder, address: Value, *colours: Value) -> None:
    short = ir.VectorType(ir.IntType(16), PIXELS)
    red, green, blue = (b.zext(colour, short) for colour in colours)
    sums = b.uitofp(b.add(b.add(red, green), blue), ir.VectorType(FLOAT, PIXELS))
    _store(b, sums, address, 4)


# Sums of three colours of 64 pixels as floats.
store_sums = instruction(_emit_store_sums, types.void, types.int64, bytes_t, bytes_t, bytes_t)


def _emit_widen(b: Builder, source: Value, target: Value) -> None:
    values = _load(b, source, ir.VectorType(BYTE, LANES))
    _store(b, b.uitofp(values, ir.VectorType(FLOAT, LANES)), target, 4)


# 16 bytes as floats, from an address to another.
widen = instruction(_emit_widen, types.void, types.int64, types.int64)


def _emit_quads(b: Builder, *addresses: Value) -> Value:
    first, second, third, fourth = (_load(b, address, QUAD, 4) for address in addresses)
    halves = (
        b.shuffle_vector(first, second, _lanes(list(range(8)))),
        b.shuffle_vector(third, fourth, _lanes(list(range(8)))),
    )
    return b.shuffle_vector(*halves, _lanes(list(range(LANES))))


def _emit_store_rounded(b: Builder, address: Value, quads: Value) -> None:
    """Three of each four."""
    magic = ir.Constant(VECTOR, [ir.Constant(FLOAT, MAGIC)] * LANES)
    whole = b.bitcast(b.fadd(quads, magic), INT_VECTOR)
    narrow = b.trunc(whole, ir.VectorType(BYTE, LANES))
    kept = [lane for lane in range(LANES) if lane % 4 < 3]
    _store(b, b.shuffle_vector(narrow, narrow, _lanes(kept)), address)


# Four quads from so many addresses, as one vector.
quads_at = instruction(_emit_quads, vector_t, *[types.int64] * 4)
# The colours of four quads, 0..255, as 12 bytes: rounded to the nearest, ties to even.
store_rounded_at = instruction(_emit_store_rounded, types.void, types.int64, vector_t)
