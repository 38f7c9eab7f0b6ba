"""The inner loops of the narrow scan: 16 states of one channel side by side, in registers.

``blocks.py`` fills vectors with 16 channels, which a scan of 6 leaves mostly empty; here a vector
is 16 consecutive states of one channel, and every lane works. What a step sums over the states (y,
and the two sums of the backward pass) is left as one vector of products; ``sums_of_16`` adds up the
lanes of 16 of them at a time, so that the shuffles are shared.

Offsets count floats of the scratch array ``w``, addresses and steps bytes. Of one channel:

delta, delta_u, grad_y   step t at ``+ t * width``
b, c         forward: B[t, n] at address ``b + t * b_step`` + 4 n, C alike
bc           backward: step t at ``bc + t * bc_size``: B[t, n] at + n, C[t, n] at + bc_size / 2 + n
gathered     laid out as bc: the gradients of B and C, to which the channel adds
products     forward: step t at ``products + t * apart``; backward: at ``products + 16 t``, the
             second kind behind ``count`` of the first, rounded up to 16
tape         row t at ``tape + 32 t``: decays a, then states h; row 0 holds the states before the
             chunk, row t + 1 what step t made
decay        A * log2(e)
constants    EXP2_CONSTANTS, a float each
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ssmamba.kernels.addresses import emit_pointer
from ssmamba.kernels.blocks import Memory, Registers, at_step
from ssmamba.kernels.layout import LANES
from ssmamba.kernels.vectors import (
    EXP2_CONSTANTS,
    INT32,
    INT64,
    Builder,
    Value,
    Vectors,
    array_instruction,
    emit_exp2,
    emit_fma,
    emit_load,
    halves,
    vector_t,
)


def _at_hand(w: Memory, constants: Value) -> Vectors:
    """The constants of the exponential from ``w``.

    LLVM would make known ones anew in every step, of an address and a load each.
    """
    held = {value: w.splat(constants, i) for i, value in enumerate(EXP2_CONSTANTS)}
    return lambda value: held[value]


def _emit_forward(b: Builder, base: Value, *places: Value) -> None:
    """forward_states(w, delta, delta_u, width, b, b_step, c, c_step, count, states, decay,
    products, apart, constants)."""
    delta, delta_u, width, b_at, b_step, c_at, c_step, count, states, decay = places[:10]
    products, apart, constants = places[10:]
    w, h = Memory(b, base), Registers(b, 1)
    vector = _at_hand(w, constants)
    h.fill(w, states)
    log_a = w.load(decay)
    with cgutils.for_range(b, count, intp=INT64) as loop:
        t = loop.index
        # ZOH, Mamba §3.2: h = exp(delta A) h + delta B u; y = C h
        a = emit_exp2(b, b.fmul(w.splat(at_step(b, delta, t, width)), log_a), vector)
        b_row = emit_load(b, emit_pointer(b, at_step(b, b_at, t, b_step)))
        c_row = emit_load(b, emit_pointer(b, at_step(b, c_at, t, c_step)))
        x = b.fmul(w.splat(at_step(b, delta_u, t, width)), b_row)
        h[0] = emit_fma(b, a, h[0], x)
        w.store(b.fmul(h[0], c_row), at_step(b, products, t, apart))
    h.spill(w, states)


def _emit_backward(b: Builder, base: Value, *places: Value) -> None:
    """backward_states(w, delta, delta_u, grad_y, width, bc, bc_size, count, tape, carry, grad_a,
    gathered, products, decay, constants): there again from the checkpoint, and back."""
    delta, delta_u, grad_y, width, bc, bc_size, count, tape = places[:8]
    carry_at, grad_a_at, gathered, products, decay, constants = places[8:]
    w, h = Memory(b, base), Registers(b, 1)
    vector = _at_hand(w, constants)
    half = b.ashr(bc_size, ir.Constant(INT64, 1))
    log_a = w.load(decay)
    h.fill(w, b.add(tape, ir.Constant(INT64, LANES)))
    with cgutils.for_range(b, count, intp=INT64) as loop:
        t = loop.index
        out = b.add(at_step(b, tape, t, 2 * LANES), ir.Constant(INT64, 2 * LANES))
        a = emit_exp2(b, b.fmul(w.splat(at_step(b, delta, t, width)), log_a), vector)
        x = b.fmul(w.splat(at_step(b, delta_u, t, width)), w.load(at_step(b, bc, t, bc_size)))
        h[0] = emit_fma(b, a, h[0], x)
        w.store(a, out)
        w.store(h[0], out, LANES)
    carry, grad_a = Registers(b, 1), Registers(b, 1)
    carry.fill(w, carry_at)
    grad_a.fill(w, grad_a_at)
    whole = b.and_(b.add(count, ir.Constant(INT64, LANES - 1)), ir.Constant(INT64, -LANES))
    others = at_step(b, products, whole, LANES)
    with cgutils.for_range(b, count, intp=INT64) as loop:
        t = b.sub(b.sub(count, loop.index), ir.Constant(INT64, 1))
        before = at_step(b, tape, t, 2 * LANES)
        b_at, for_b = (at_step(b, start, t, bc_size) for start in (bc, gathered))
        c_at, for_c = b.add(b_at, half), b.add(for_b, half)
        step, step_u, gy = (
            w.splat(at_step(b, start, t, width)) for start in (delta, delta_u, grad_y)
        )
        # g is the gradient of the state, carry is exp(delta A) g
        g = emit_fma(b, gy, w.load(c_at), carry[0])
        w.store(emit_fma(b, gy, w.load(before, 3 * LANES), w.load(for_c)), for_c)
        w.store(emit_fma(b, g, step_u, w.load(for_b)), for_b)
        w.store(b.fmul(g, w.load(b_at)), at_step(b, products, t, LANES))
        carry[0] = b.fmul(g, w.load(before, 2 * LANES))
        gah = b.fmul(carry[0], w.load(before, LANES))
        grad_a[0] = emit_fma(b, gah, step, grad_a[0])
        w.store(b.fmul(gah, log_a), at_step(b, others, t, LANES))
    carry.spill(w, carry_at)
    grad_a.spill(w, grad_a_at)


def _emit_sums(b: Builder, first: Value) -> Value:
    """Lane i of the result is the sum over the lanes of the vector at ``+ 16 i``."""
    rows = [emit_load(b, b.gep(first, [ir.Constant(INT64, i * LANES)])) for i in range(LANES)]
    # halves of 16 lanes first: where a vector is two registers, these need no shuffle
    for distance in (8, 4, 2, 1):
        masks = halves(distance)
        pairs = zip(rows[:distance], rows[distance:], strict=True)
        rows = [b.fadd(*(b.shuffle_vector(x, y, mask) for mask in masks)) for x, y in pairs]
    return rows[0]


def _emit_add_column(b: Builder, first: Value, width: Value, values: Value) -> None:
    for i in range(LANES):
        pointer = b.gep(first, [b.mul(width, ir.Constant(INT64, i))])
        lane = b.extract_element(values, ir.Constant(INT32, i))
        b.store(b.fadd(b.load(pointer), lane), pointer)


forward_states = array_instruction(_emit_forward, types.void, 0, *[types.intp] * 13)
backward_states = array_instruction(_emit_backward, types.void, 0, *[types.intp] * 14)
sums_of_16: Any = array_instruction(_emit_sums, vector_t, 1)
# add_column(w, at, width, value): lane i to w[at + i * width]
add_column: Any = array_instruction(_emit_add_column, types.void, 1, types.intp, vector_t)
