"""Pixel-Mamba's block over a long sequence, one segment of it at a time.

``by_segments(block, x, length)`` is ``block(x)``, and holds beside its input and output only a few
channels of all tokens: what is large exists for one segment of ``length`` tokens (B and C of both
directions alone are 64 numbers a token, beside the 3 of a pixel). The scans go on from segment to
segment by their states (``ops/carried.py``). For the backward pass the input is kept and the states
at the segments' borders; the rest is computed again. With g the gradient of the output:

forward   1. from the last segment to the first: y of the direction back
          2. from the first to the last: y there, gate, output
backward  1. from the first to the last: y back again, and what g gives through it to the scan's u
          2. from the last to the first: all else

Values and gradients are ``block(x)``'s but for rounding, as sums have another order. Nothing here
takes oneDNN: it would keep code for each length of a segment (``layers/shifted_conv.py``), of a
product up to 2 MB, which is more than the tokens of a region.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, pad, silu

from ssmamba.layers.shifted_conv import shifted_conv
from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.ops.carried import carried_scan

THERE, BACK = 0, 1


def by_segments(block: BidirectionalBlock, x: Tensor, length: int) -> Tensor:
    """(1, L, C) -> (1, L, C); of a block with one convolution for both directions.

    Differentiable once.
    """
    assert block.conv_back is None
    assert len(x) == 1
    weights = list(block.parameters())
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, *weights)):
        found: Tensor = _Segments.apply(x, block, length, *weights)
        return found
    with torch.no_grad():
        return _forward(block, x, length)[0]


class _Segments(torch.autograd.Function):
    """apply(x, block, length, *weights of the block) -> block(x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, block: Any, length: int, *weights: Tensor) -> Tensor:
        y, states = _forward(block, x, length)
        ctx.save_for_backward(x, states)
        ctx.block, ctx.length, kind = block, length, x.device.type
        precision = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        ctx.autocast = kind, *precision
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        x, states = ctx.saved_tensors
        with torch.autocast(*ctx.autocast):
            grad_x, found = _backward(ctx.block, x, states, grads[0], ctx.length)
        return (grad_x, None, None, *[found.get(weight) for weight in ctx.block.parameters()])


def _forward(block: BidirectionalBlock, x: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Output, and the states before each segment, (2, segments, 1, inner, N) float32."""
    spans, params = _spans(x.shape[1], length), block.params
    back = x.new_empty(1, x.shape[1], params.channels, dtype=torch.float32)
    states = back.new_zeros(2, len(spans), 1, params.channels, params.states)
    state = states[BACK, -1].clone()
    for i, (start, stop) in _backwards(spans):
        states[BACK, i] = state
        u, _ = _inputs(block, x, start, stop)
        back[:, start:stop], state = _one_way(block, u, BACK, state)
    out = torch.empty_like(x)
    state = torch.zeros_like(state)
    for i, (start, stop) in enumerate(spans):
        states[THERE, i] = state
        u, z = _inputs(block, x, start, stop)
        there, state = _one_way(block, u, THERE, state)
        added = _gated(block, there, back[:, start:stop], z)
        torch.add(x[:, start:stop], added, out=out[:, start:stop])
    return out, states


def _backward(
    block: BidirectionalBlock, x: Tensor, states: Tensor, grad: Tensor, length: int
) -> tuple[Tensor, dict[Tensor, Tensor]]:
    """Gradients of x and of the weights that have one."""
    spans, sums = _spans(x.shape[1], length), _Sums(block)
    shape = (1, x.shape[1], block.params.channels)
    back, grad_u = (x.new_empty(shape, dtype=torch.float32) for _ in range(2))
    carry = torch.zeros_like(states[BACK, 0])
    for i, (start, stop) in enumerate(spans):
        with torch.no_grad():
            u, z = _inputs(block, x, start, stop)
            grad_y = linear(grad[:, start:stop], block.out_proj.weight.t()) * (0.5 * silu(z))
        u, state = u.requires_grad_(), states[BACK, i].detach().requires_grad_()
        with torch.enable_grad():
            y, last = _one_way(block, u, BACK, state)
        grad_u[:, start:stop], carry = sums.pull((y, last), (grad_y.float(), carry), (u, state))
        back[:, start:stop] = y.detach()
    grad_x = grad.clone()
    carry = torch.zeros_like(carry)
    for i, (start, stop) in _backwards(spans):
        first = max(start - block.conv.before, 0)
        own = x[:, first:stop].detach().requires_grad_()
        state = states[THERE, i].detach().requires_grad_()
        with torch.enable_grad():
            u, z = _inputs(block, own, start - first, stop - first)
            there, last = _one_way(block, u, THERE, state)
            out = _gated(block, there, back[:, start:stop], z)
        grads = grad[:, start:stop].to(out.dtype), carry, grad_u[:, start:stop]
        found, carry = sums.pull((out, last, u), grads, (own, state))
        grad_x[:, first:stop] += found
    return grad_x, sums.found


class _Sums:
    """Gradients of a block's weights, added up over segments."""

    def __init__(self, block: BidirectionalBlock) -> None:
        self.weights = [weight for weight in block.parameters() if weight.requires_grad]
        self.found: dict[Tensor, Tensor] = {}

    def pull(
        self, outputs: tuple[Tensor, ...], grads: tuple[Tensor, ...], inputs: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Gradients of two inputs; those of the weights are added to what there is."""
        wanted = (*inputs, *self.weights)
        one, other, *rest = torch.autograd.grad(outputs, wanted, grads, allow_unused=True)
        for weight, gradient in zip(self.weights, rest, strict=True):
            if gradient is not None and weight in self.found:
                self.found[weight] += gradient
            elif gradient is not None:
                self.found[weight] = gradient
        return one, other


# ---------------------------------------------------------------- the block's parts


def _inputs(block: BidirectionalBlock, x: Tensor, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """u float32 and z of the tokens from ``start`` to before ``stop``, (1, n, inner) each.

    The convolution sees the tokens before, and zeros before the first.
    """
    before = block.conv.before
    first = max(start - before, 0)
    both = linear(block.norm(x[:, first:stop]), block.in_proj.weight)
    u, z = both.chunk(2, dim=-1)
    u = pad(u[0].float(), (0, 0, before - (start - first), 0))
    assert block.conv.bias is not None
    u = shifted_conv(u, block.conv.weight.float(), block.conv.bias.float())
    return silu(u)[None], z[:, start - first :]


def _one_way(
    block: BidirectionalBlock, u: Tensor, direction: int, state: Tensor
) -> tuple[Tensor, Tensor]:
    """y of one direction from a state on (1, inner, N), and the state after; float32."""
    p = block.params
    step, BC = p.one_way(u, direction)
    A, D = p.A[direction], p.D[direction]
    return carried_scan(u, step, A, BC, D, state, reverse=direction == BACK)


def _gated(block: BidirectionalBlock, there: Tensor, back: Tensor, z: Tensor) -> Tensor:
    """What is added to the tokens."""
    y = (0.5 * (there + back)).to(z.dtype) * silu(z)
    return linear(y, block.out_proj.weight)


def _spans(tokens: int, length: int) -> list[tuple[int, int]]:
    """Segments of ``length`` tokens at most."""
    return [(start, min(start + length, tokens)) for start in range(0, tokens, length)]


def _backwards(spans: list[tuple[int, int]]) -> Iterable[tuple[int, tuple[int, int]]]:
    return reversed(list(enumerate(spans)))
