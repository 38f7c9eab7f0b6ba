"""A vector of 16 float32 lanes for numba, written as LLVM IR.

LLVM turns ``<16 x float>`` into one AVX-512, two AVX2 or four NEON registers, so nothing depends on
the auto-vectoriser: a plain ``math.exp`` in a numba loop stays scalar and is 23 to 35 times slower.

Two layers live here. ``emit_*`` functions append instructions to an llvmlite builder (``blocks.py``
builds whole loops from them); the intrinsics below them are what numba code calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from ssmamba.kernels.layout import LANES

FLOAT = ir.FloatType()
INT32 = ir.IntType(32)
INT64 = ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, LANES)
INT_VECTOR = ir.VectorType(INT32, LANES)
HALF_VECTOR = ir.VectorType(ir.IntType(16), LANES)  # bfloat16, by their bits
LOG2_E = 1.4426950408889634
ZERO, ONE = np.float32(0.0), np.float32(1.0)
# 2**r on [-0.5, 0.5], highest power first; the constant term is exactly 1 so that 2**0 == 1.
EXP2_COEFFICIENTS = (
    0.001326472731307149,
    0.009671512991189957,
    0.05550733581185341,
    0.24022242426872253,
    0.6931470036506653,
    1.0,
)
# 1.5 * 2**23: added and taken away again, it leaves no room for a fraction
ROUNDING = 12582912.0
# What ``emit_exp2`` calculates with, for code that keeps them at hand itself.
EXP2_CONSTANTS = (ROUNDING, ROUNDING + 127.0, *EXP2_COEFFICIENTS)
# log1p(e) / e on [0, 1], highest power first, relative error 3e-8: a division costs more than this.
LOG1P_COEFFICIENTS = (
    0.005232693100930078,
    -0.029505234759190382,
    0.07822594656733828,
    -0.13663245472981703,
    0.19106006688794372,
    -0.24842982224512408,
    0.3331909681504495,
    -0.49999493141487816,
    0.9999999698798878,
)

Builder = Any
Value = Any
Vectors = Callable[[float], Value]  # a number in every lane


def _has_avx512() -> bool:
    """Of the processor that numba compiles for, which NUMBA_CPU_NAME may set."""
    config: Any = numba.config
    if config.CPU_FEATURES is not None:
        return "+avx512f" in config.CPU_FEATURES.split(",")
    if config.CPU_NAME not in (None, "host"):
        return False
    features: dict[str, bool] = dict(binding.get_host_cpu_features())
    return features.get("avx512f", False)


HAS_AVX512 = _has_avx512()


class VectorType(types.Type):
    """numba's name for ``<16 x float>``."""

    def __init__(self) -> None:
        super().__init__(name=f"vector{LANES}f32")


vector_t = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, frontend_type: Any) -> None:
        super().__init__(manager, frontend_type, VECTOR)


# ---------------------------------------------------------------- instructions


def constant(value: float, kind: Any = VECTOR) -> Value:
    return ir.Constant(kind, [ir.Constant(kind.element, value)] * LANES)


def emit_call(b: Builder, name: str, result: Any, *args: Value) -> Value:
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), list(args))


def emit_fma(b: Builder, x: Value, y: Value, z: Value) -> Value:
    # fmuladd and not fma: without FMA hardware the latter is a library call for each lane
    return emit_call(b, f"llvm.fmuladd.v{LANES}f32", VECTOR, x, y, z)


def emit_max(b: Builder, x: Value, y: Value) -> Value:
    # maximum and not maxnum: the latter would swallow a NaN
    return emit_call(b, f"llvm.maximum.v{LANES}f32", VECTOR, x, y)


def emit_min(b: Builder, x: Value, y: Value) -> Value:
    return emit_call(b, f"llvm.minimum.v{LANES}f32", VECTOR, x, y)


def emit_splat(b: Builder, scalar: Value) -> Value:
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = b.insert_element(undefined, scalar, ir.Constant(INT32, 0))
    return b.shuffle_vector(first, undefined, constant(0, INT_VECTOR))


def emit_load(b: Builder, pointer: Value) -> Value:
    value = b.load(b.bitcast(pointer, VECTOR.as_pointer()))
    value.align = 4
    return value


def emit_store(b: Builder, pointer: Value, value: Value) -> None:
    b.store(value, b.bitcast(pointer, VECTOR.as_pointer())).align = 4


def emit_load_half(b: Builder, pointer: Value) -> Value:
    """16 bfloat16 as float32: their bits are the upper halves."""
    halves = b.load(b.bitcast(pointer, HALF_VECTOR.as_pointer()))
    halves.align = 2
    return _emit_widen(b, halves)


def emit_store_half(b: Builder, pointer: Value, value: Value) -> None:
    halves = _emit_narrow(b, value)
    b.store(halves, b.bitcast(pointer, HALF_VECTOR.as_pointer())).align = 2


def _emit_widen(b: Builder, halves: Value) -> Value:
    wide = b.shl(b.zext(halves, INT_VECTOR), constant(16, INT_VECTOR))
    return b.bitcast(wide, VECTOR)


def _emit_narrow(b: Builder, value: Value) -> Value:
    """Rounded to the nearest bfloat16, ties to even; NaN stays NaN."""
    bits = b.bitcast(value, INT_VECTOR)
    sixteen, one = constant(16, INT_VECTOR), constant(1, INT_VECTOR)
    odd = b.and_(b.lshr(bits, sixteen), one)
    rounded = b.add(bits, b.add(odd, constant(0x7FFF, INT_VECTOR)))
    quiet = b.or_(bits, constant(0x400000, INT_VECTOR))
    bits = b.select(b.fcmp_unordered("uno", value, value), quiet, rounded)
    return b.trunc(b.lshr(bits, sixteen), HALF_VECTOR)


def emit_polynomial(
    b: Builder, x: Value, coefficients: tuple[float, ...], vector: Vectors = constant
) -> Value:
    value = vector(coefficients[0])
    for coefficient in coefficients[1:]:
        value = emit_fma(b, value, x, vector(coefficient))
    return value


def _emit_exp2_avx512(b: Builder, x: Value, vector: Vectors) -> Value:
    magic = vector(ROUNDING)  # two additions cost less than llvm.roundeven
    whole = b.fsub(b.fadd(x, magic), magic)
    power = emit_polynomial(b, b.fsub(x, whole), EXP2_COEFFICIENTS, vector)
    all_lanes = ir.Constant(ir.IntType(16), -1)
    name = "llvm.x86.avx512.mask.scalef.ps.512"
    return emit_call(b, name, VECTOR, power, whole, power, all_lanes, ir.Constant(INT32, 4))


def emit_exp2(b: Builder, x: Value, vector: Vectors = constant) -> Value:
    """2**x, relative error about 2e-7; below -126 it stays at 2**-126, NaN stays NaN.

    ``vector`` gives one of EXP2_CONSTANTS in every lane. The limits are constants in any case: of
    an unknown number LLVM would have to see first that it is not NaN.
    """
    x = emit_max(b, x, constant(-126.0))  # also keeps denormals out of the recurrence
    if HAS_AVX512:
        return _emit_exp2_avx512(b, x, vector)
    x = emit_min(b, x, constant(128.0))
    # the extra 127 makes the low bits of the rounded number the exponent
    shifted = b.fadd(x, vector(ROUNDING + 127.0))
    rest = b.fsub(x, b.fsub(shifted, vector(ROUNDING + 127.0)))
    power = emit_polynomial(b, rest, EXP2_COEFFICIENTS, vector)
    scale = b.shl(b.bitcast(shifted, INT_VECTOR), constant(23, INT_VECTOR))
    return b.fmul(power, b.bitcast(scale, VECTOR))  # a product, so that a NaN survives


def _emit_exp_of_minus_abs(b: Builder, x: Value) -> Value:
    """exp(-|x|), and exactly 0 where that is below 2**-126."""
    magnitude = emit_call(b, f"llvm.fabs.v{LANES}f32", VECTOR, x)
    power = b.fmul(magnitude, constant(-LOG2_E))
    too_small = b.fcmp_ordered("<=", power, constant(-126.0))
    return b.select(too_small, constant(0.0), emit_exp2(b, power))


def _emit_softplus(b: Builder, x: Value) -> Value:
    e = _emit_exp_of_minus_abs(b, x)
    # log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))
    return emit_fma(b, e, emit_polynomial(b, e, LOG1P_COEFFICIENTS), emit_max(b, x, constant(0.0)))


def _emit_sigmoid(b: Builder, x: Value) -> Value:
    e = _emit_exp_of_minus_abs(b, x)
    positive = b.fcmp_ordered(">=", x, constant(0.0))
    return b.fdiv(b.select(positive, constant(1.0), e), b.fadd(e, constant(1.0)))


def emit_lane_mask(b: Builder, count: Value) -> Value:
    """<16 x i1> that is true in the first ``count`` lanes."""
    lanes = ir.Constant(INT_VECTOR, [ir.Constant(INT32, i) for i in range(LANES)])
    narrow = b.trunc(count, INT32)
    first = b.insert_element(ir.Constant(INT_VECTOR, ir.Undefined), narrow, ir.Constant(INT32, 0))
    limit = b.shuffle_vector(first, ir.Constant(INT_VECTOR, ir.Undefined), constant(0, INT_VECTOR))
    return b.icmp_signed("<", lanes, limit)


def emit_load_head(b: Builder, pointer: Value, count: Value) -> Value:
    return emit_call(
        b,
        f"llvm.masked.load.v{LANES}f32.p0",
        VECTOR,
        b.bitcast(pointer, VECTOR.as_pointer()),
        ir.Constant(INT32, 4),
        emit_lane_mask(b, count),
        constant(0.0),
    )


def emit_load_half_head(b: Builder, pointer: Value, count: Value) -> Value:
    halves = emit_call(
        b,
        f"llvm.masked.load.v{LANES}i16.p0",
        HALF_VECTOR,
        b.bitcast(pointer, HALF_VECTOR.as_pointer()),
        ir.Constant(INT32, 2),
        emit_lane_mask(b, count),
        constant(0, HALF_VECTOR),
    )
    return _emit_widen(b, halves)


def emit_store_half_head(b: Builder, pointer: Value, count: Value, value: Value) -> None:
    emit_call(
        b,
        f"llvm.masked.store.v{LANES}i16.p0",
        ir.VoidType(),
        _emit_narrow(b, value),
        b.bitcast(pointer, HALF_VECTOR.as_pointer()),
        ir.Constant(INT32, 2),
        emit_lane_mask(b, count),
    )


def emit_sum_lanes(b: Builder, vector: Value) -> Value:
    kind = ir.FunctionType(FLOAT, [FLOAT, VECTOR])
    name = f"llvm.vector.reduce.fadd.v{LANES}f32"
    function = cgutils.get_or_insert_function(b.module, kind, name)
    return b.call(function, [ir.Constant(FLOAT, -0.0), vector], fastmath=("reassoc",))


def emit_store_head(b: Builder, pointer: Value, count: Value, value: Value) -> None:
    emit_call(
        b,
        f"llvm.masked.store.v{LANES}f32.p0",
        ir.VoidType(),
        value,
        b.bitcast(pointer, VECTOR.as_pointer()),
        ir.Constant(INT32, 4),
        emit_lane_mask(b, count),
    )


# ---------------------------------------------------------------- numba intrinsics


def _declare(operation: Any, count: int) -> Any:
    """Make an intrinsic of a definition with ``*given``, which numba would read as one tuple."""
    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(f"x{i}", kind) for i in range(1 + count)]
    operation.__signature__ = inspect.Signature(parameters)
    return intrinsic(operation)


def instruction(emit: Callable[..., Value | None], result: Any, *arguments: Any) -> Any:
    """An intrinsic of these types; ``emit(b, *values)`` appends its code (None: no result)."""

    def operation(typing_context: Any, *given: Any) -> Any:
        def codegen(context: Any, b: Builder, signature: Any, values: Any) -> Value:
            value = emit(b, *values)
            return context.get_dummy_value() if value is None else value

        return result(*arguments), codegen

    return _declare(operation, len(arguments))


def array_instruction(
    emit: Callable[..., Value | None], result: Any, indices: int, *arguments: Any
) -> Any:
    """An intrinsic of an array, so many indices, and more arguments: ``emit(b, pointer, *values)``.

    ``pointer`` goes to array[index...], through the array's own strides; without an index to the
    first element.
    """

    def operation(typing_context: Any, array: Any, *given: Any) -> Any:
        def codegen(context: Any, b: Builder, signature: Any, values: Any) -> Value:
            view = context.make_array(array)(context, b, values[0])
            index, rest = list(values[1 : 1 + indices]), values[1 + indices :]
            pointer = view.data
            if index:
                pointer = cgutils.get_item_pointer(context, b, array, view, index, wraparound=False)
            value = emit(b, pointer, *rest)
            return context.get_dummy_value() if value is None else value

        return result(array, *[types.intp] * indices, *arguments), codegen

    return _declare(operation, 1 + indices + len(arguments))


fma = instruction(emit_fma, vector_t, vector_t, vector_t, vector_t)  # x * y + z
add = instruction(lambda b, x, y: b.fadd(x, y), vector_t, vector_t, vector_t)
multiply = instruction(lambda b, x, y: b.fmul(x, y), vector_t, vector_t, vector_t)
softplus = instruction(_emit_softplus, vector_t, vector_t)
sigmoid = instruction(_emit_sigmoid, vector_t, vector_t)
maximum = instruction(emit_max, vector_t, vector_t, vector_t)
splat = instruction(emit_splat, vector_t, types.float32)  # the same float32 in every lane
square_root = instruction(
    lambda b, x: emit_call(b, f"llvm.sqrt.v{LANES}f32", VECTOR, x), vector_t, vector_t
)
sum_lanes = instruction(emit_sum_lanes, types.float32, vector_t)
first_lane = instruction(
    lambda b, x: b.extract_element(x, ir.Constant(INT32, 0)), types.float32, vector_t
)


def _emit_halves(first: int) -> Callable[[Builder, Value, Value], Value]:
    lanes = [first + i for i in range(8)] + [LANES + first + i for i in range(8)]
    mask = ir.Constant(INT_VECTOR, [ir.Constant(INT32, lane) for lane in lanes])
    return lambda b, x, y: b.shuffle_vector(x, y, mask)


low_halves = instruction(_emit_halves(0), vector_t, vector_t, vector_t)
high_halves = instruction(_emit_halves(8), vector_t, vector_t, vector_t)

# load(array, offset), store(array, offset, value): 16 floats of a contiguous 1-D array. load_row,
# store_row: array[row, column:column + 16] of contiguous rows; ..._head(array, row, column, count):
# so many floats only, with zeros behind them, and nothing beyond is touched.
load = array_instruction(emit_load, vector_t, 1)
store = array_instruction(emit_store, types.void, 1, vector_t)
load_row = array_instruction(emit_load, vector_t, 2)
store_row = array_instruction(emit_store, types.void, 2, vector_t)
load_row_head = array_instruction(emit_load_head, vector_t, 2, types.intp)
store_row_head = array_instruction(emit_store_head, types.void, 2, types.intp, vector_t)


def halves(distance: int) -> list[Value]:
    """Masks that part the lanes of two vectors: those without the bit ``distance``, those with."""
    low = [i if i & distance == 0 else LANES + i - distance for i in range(LANES)]
    high = [i + distance if i & distance == 0 else LANES + i for i in range(LANES)]
    return [
        ir.Constant(INT_VECTOR, [ir.Constant(INT32, lane) for lane in lanes])
        for lanes in (low, high)
    ]


def _emit_transpose(b: Builder, rows: list[Value]) -> list[Value]:
    """16 vectors as a matrix, transposed: rows at distance 8, 4, 2, 1 swap half of each."""
    for distance in (8, 4, 2, 1):
        masks = halves(distance)
        for i in (i for i in range(LANES) if i & distance == 0):
            pair = rows[i], rows[i + distance]
            rows[i], rows[i + distance] = (b.shuffle_vector(*pair, mask) for mask in masks)
    return rows


def _emit_transpose_at(b: Builder, first: Value) -> None:
    places = [b.gep(first, [ir.Constant(INT64, i * LANES)]) for i in range(LANES)]
    rows = _emit_transpose(b, [emit_load(b, place) for place in places])
    for row, place in zip(rows, places, strict=True):
        emit_store(b, place, row)


# In place, the 16 x 16 floats that begin at an offset of a contiguous 1-D array.
transpose = array_instruction(_emit_transpose_at, types.void, 1)


def _emit_fetch_add_one(b: Builder, pointer: Value) -> Value:
    return b.atomic_rmw("add", pointer, ir.Constant(INT64, 1), "monotonic")


# Adds to array[index] of a contiguous 1-D array of int64; gives the value before.
fetch_add_one = array_instruction(_emit_fetch_add_one, types.int64, 1)
