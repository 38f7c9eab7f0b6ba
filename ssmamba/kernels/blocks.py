"""The inner loops of the scan, emitted as LLVM IR so that the states live in registers.

A block is some consecutive states of 16 neighbouring channels. Each intrinsic walks the steps of
one chunk for one block; ``forward.py`` and ``backward.py`` prepare the chunk's rows in one flat
float32 scratch array ``w`` and say where they are (offsets count floats, addresses bytes):

rows   step t at ``rows + t * row_size``; vectors of 16 channels
       forward:  delta, delta * u, y's start
       backward: delta, delta * u, y's gradient, sum of B g, sum of A g a h   (then private ones)
b, c   forward: B[t, n] at address ``b + t * b_step`` + 4 n, C alike; y goes to ``y + t * y_step``
bc     backward: step t at ``bc + t * bc_size``: B[t, n] at + n, C[t, n] at + bc_size / 2 + n
states state n at ``states + 16 n``
tape   step t at ``tape + t * 2 * 16 * block``: first the decays a, then the states h; row 0 holds
       the states before the chunk, row t + 1 what step t made
decay  A * log2(e), state n at ``decay + 16 n``
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ssmamba.kernels.addresses import emit_pointer
from ssmamba.kernels.layout import BACKWARD_ROW, FORWARD_ROW, LANES
from ssmamba.kernels.vectors import (
    INT32,
    INT64,
    INT_VECTOR,
    VECTOR,
    Builder,
    Value,
    array_instruction,
    constant,
    emit_exp2,
    emit_fma,
    emit_load,
    emit_splat,
    emit_store,
    emit_sum_lanes,
)


class Memory:
    """Loads and stores of vectors and scalars at float offsets of one array."""

    def __init__(self, b: Builder, base: Value) -> None:
        self.b = b
        self.base = base

    def pointer(self, offset: Value, shift: int = 0) -> Value:
        if shift:
            offset = self.b.add(offset, ir.Constant(INT64, shift))
        return self.b.gep(self.base, [offset])

    def load(self, offset: Value, shift: int = 0) -> Value:
        return emit_load(self.b, self.pointer(offset, shift))

    def store(self, value: Value, offset: Value, shift: int = 0) -> None:
        emit_store(self.b, self.pointer(offset, shift), value)

    def splat(self, offset: Value, shift: int = 0) -> Value:
        return emit_splat(self.b, self.b.load(self.pointer(offset, shift)))


class Registers:
    """Vectors that are alive across a loop; LLVM promotes the slots to registers."""

    def __init__(self, b: Builder, count: int) -> None:
        self.b = b
        self.slots = [cgutils.alloca_once(b, VECTOR) for _ in range(count)]

    def __getitem__(self, i: int) -> Value:
        return self.b.load(self.slots[i])

    def __setitem__(self, i: int, value: Value) -> None:
        self.b.store(value, self.slots[i])

    def fill(self, memory: Memory, offset: Value) -> None:
        for i in range(len(self.slots)):
            self[i] = memory.load(offset, i * LANES)

    def spill(self, memory: Memory, offset: Value) -> None:
        for i in range(len(self.slots)):
            memory.store(self[i], offset, i * LANES)


def at_step(b: Builder, base: Value, step: Value, size: Value | int) -> Value:
    if isinstance(size, int):
        size = ir.Constant(INT64, size)
    return b.add(base, b.mul(step, size))


# ---------------------------------------------------------------- forward


def _emit_forward(b: Builder, block: int, w: Memory, places: tuple[Value, ...]) -> None:
    rows, b_address, b_step, c_address, c_step, y_address, y_step, count, states, decay = places
    h = Registers(b, block)
    h.fill(w, states)
    with cgutils.for_range(b, count, intp=INT64) as loop:
        row = at_step(b, rows, loop.index, FORWARD_ROW)
        b_row = Memory(b, emit_pointer(b, at_step(b, b_address, loop.index, b_step)))
        c_row = Memory(b, emit_pointer(b, at_step(b, c_address, loop.index, c_step)))
        delta, delta_u = w.load(row), w.load(row, LANES)
        y = [w.load(row, 2 * LANES), constant(0.0)]  # two sums: shorter chains of additions
        for n in range(block):
            # ZOH, Mamba §3.2: h = exp(delta A) h + delta B u; y = C h
            a = emit_exp2(b, b.fmul(delta, w.load(decay, n * LANES)))
            at = ir.Constant(INT64, n)
            h[n] = emit_fma(b, a, h[n], b.fmul(delta_u, b_row.splat(at)))
            y[n % 2] = emit_fma(b, h[n], c_row.splat(at), y[n % 2])
        target = emit_pointer(b, at_step(b, y_address, loop.index, y_step))
        emit_store(b, target, b.fadd(y[0], y[1]))
    h.spill(w, states)


def _make_forward(block: int) -> Any:
    """forward_block(w, rows, b, b_step, c, c_step, y, y_step, count, states, decay)."""

    def emit(b: Builder, w: Value, *places: Value) -> None:
        _emit_forward(b, block, Memory(b, w), places)

    return array_instruction(emit, types.void, 0, *[types.intp] * 10)


# ---------------------------------------------------------------- backward


def _emit_replay(b: Builder, block: int, w: Memory, offsets: tuple[Value, ...]) -> None:
    """Run the block forward again from its checkpoint and write decays and states on the tape."""
    rows, bc, bc_size, count, tape, decay = offsets
    size = 2 * LANES * block
    h = Registers(b, block)
    h.fill(w, b.add(tape, ir.Constant(INT64, size // 2)))
    with cgutils.for_range(b, count, intp=INT64) as loop:
        row = at_step(b, rows, loop.index, BACKWARD_ROW)
        b_at = at_step(b, bc, loop.index, bc_size)
        out = b.add(at_step(b, tape, loop.index, size), ir.Constant(INT64, size))
        delta, delta_u = w.load(row), w.load(row, LANES)
        for n in range(block):
            a = emit_exp2(b, b.fmul(delta, w.load(decay, n * LANES)))
            h[n] = emit_fma(b, a, h[n], b.fmul(delta_u, w.splat(b_at, n)))
            w.store(a, out, n * LANES)
            w.store(h[n], out, size // 2 + n * LANES)


def _emit_lane_sums(b: Builder, vectors: list[Value]) -> Value:
    """Lane i of the result is the sum over the lanes of vectors[i] (16 of them; a shuffle tree)."""

    def mask(lane: Any) -> Value:
        lanes = [lane(i // 4, i % 4) for i in range(LANES)]
        return ir.Constant(INT_VECTOR, [ir.Constant(INT32, i) for i in lanes])

    # shuffles within 128 bits first, as they are the cheap ones; the order comes out natural
    levels = (
        (lambda q, r: 4 * q + (0, 16, 1, 17)[r], lambda q, r: 4 * q + (2, 18, 3, 19)[r]),
        (lambda q, r: 4 * q + (0, 1, 16, 17)[r], lambda q, r: 4 * q + (2, 3, 18, 19)[r]),
        (lambda q, r: (0, 4, 16, 20)[q] + r, lambda q, r: (8, 12, 24, 28)[q] + r),
        (lambda q, r: (0, 8, 16, 24)[q] + r, lambda q, r: (4, 12, 20, 28)[q] + r),
    )
    for low, high in levels:
        pairs = zip(vectors[0::2], vectors[1::2], strict=True)
        vectors = [
            b.fadd(b.shuffle_vector(x, y, mask(low)), b.shuffle_vector(x, y, mask(high)))
            for x, y in pairs
        ]
    return vectors[0]


def _emit_gather(b: Builder, for_b: list[Value], for_c: list[Value]) -> Value:
    """Sums over channels: gradients of B in the first 8 lanes, of C in the last 8."""
    if len(for_b) == 8:
        return _emit_lane_sums(b, for_b + for_c)
    gathered = constant(0.0)
    for first, vectors in ((0, for_b), (8, for_c)):
        for i, vector in enumerate(vectors):
            lane = ir.Constant(INT32, first + i)
            gathered = b.insert_element(gathered, emit_sum_lanes(b, vector), lane)
    return gathered


def _emit_reverse(b: Builder, block: int, w: Memory, offsets: tuple[Value, ...]) -> None:
    """Walk the chunk backwards: g is the gradient of the state, carry is exp(delta A) g."""
    rows, bc, bc_size, count, tape, carry_at, grad_a_at, gathered, gathered_size, decay = offsets
    size = 2 * LANES * block
    half = b.ashr(bc_size, ir.Constant(INT64, 1))
    carry, grad_a = Registers(b, block), Registers(b, block)
    carry.fill(w, carry_at)
    grad_a.fill(w, grad_a_at)
    with cgutils.for_range(b, count, intp=INT64) as loop:
        t = b.sub(b.sub(count, loop.index), ir.Constant(INT64, 1))
        row = at_step(b, rows, t, BACKWARD_ROW)
        b_at = at_step(b, bc, t, bc_size)
        c_at = b.add(b_at, half)
        before = at_step(b, tape, t, size)
        delta, delta_u, grad_y = (w.load(row, i * LANES) for i in range(3))
        sum_b, sum_a = w.load(row, 3 * LANES), w.load(row, 4 * LANES)
        for_b, for_c = [], []
        for n in range(block):
            g = emit_fma(b, grad_y, w.splat(c_at, n), carry[n])
            for_c.append(b.fmul(grad_y, w.load(before, size + size // 2 + n * LANES)))
            for_b.append(b.fmul(g, delta_u))
            sum_b = emit_fma(b, g, w.splat(b_at, n), sum_b)
            carry[n] = b.fmul(g, w.load(before, size + n * LANES))
            gah = b.fmul(carry[n], w.load(before, size // 2 + n * LANES))
            grad_a[n] = emit_fma(b, gah, delta, grad_a[n])
            sum_a = emit_fma(b, gah, w.load(decay, n * LANES), sum_a)
        w.store(sum_b, row, 3 * LANES)
        w.store(sum_a, row, 4 * LANES)
        out = at_step(b, gathered, t, gathered_size)
        w.store(b.fadd(w.load(out), _emit_gather(b, for_b, for_c)), out)
    carry.spill(w, carry_at)
    grad_a.spill(w, grad_a_at)


def _make_backward(block: int) -> Any:
    """backward_block(w, rows, bc, bc_size, count, tape, carry, grad_a, gathered, its size, decay).

    ``gathered`` is where sums over channels are added to the gradients of B and C.
    """

    def emit(b: Builder, w: Value, *offsets: Value) -> None:
        memory = Memory(b, w)
        _emit_replay(b, block, memory, (*offsets[:5], offsets[9]))
        _emit_reverse(b, block, memory, offsets)

    return array_instruction(emit, types.void, 0, *[types.intp] * 10)


forward_block_1 = _make_forward(1)
forward_block_8 = _make_forward(8)
forward_block_16 = _make_forward(16)
backward_block_1 = _make_backward(1)
backward_block_8 = _make_backward(8)
