"""Autograd around the backends that bring their own backward pass.

Canonical letters and shapes as in ``reference.py``. The state, the decays and the step sizes are
float32 whatever comes in; y has u's dtype, each gradient the dtype of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ssmamba.ops import torch_scan

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
Outputs = tuple[Tensor, Tensor, Tensor]  # y, state, saved for the backward pass
Gradients = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None]


class Options(NamedTuple):
    """How the inputs are scanned; z, (batch, L, channels), gates the y of one direction."""

    softplus: bool
    reverse: bool
    z: Tensor | None = None


class Kernels(Protocol):
    """A backend with its own backward pass; module ``cpu.scan`` is one.

    Inputs are canonical, or without the axis R for one direction; gradients have the axis or not.
    ``forward`` gates y where there is a z. ``GATES_BACKWARD``: ``backward`` knows the gate too; it
    is given no z otherwise, and the gate is a product in torch where gradients are wanted.
    """

    GATES_BACKWARD: bool

    def kept_shape(self, u: Tensor, A: Tensor) -> tuple[int, ...]:
        """Shape of the tensor (float32) that the forward pass saves on request."""

    def forward(self, inputs: Inputs, options: Options, *, keep: bool, want_state: bool) -> Outputs:
        """Return y, the state and the tensor saved for the backward pass (both may be empty)."""

    def backward(
        self,
        inputs: Inputs,
        options: Options,
        kept: Tensor,
        grad_y: Tensor,
        grad_state: Tensor | None,
    ) -> Gradients:
        """Return float32 gradients of u, delta, A, B, C, D, delta_bias, and of z (or None)."""


def gate(y: Tensor, z: Tensor | None) -> Tensor:
    """y * silu(z), or y without a gate: made in float32 at least, in y's dtype."""
    if z is None:
        return y
    dtype = torch.promote_types(y.dtype, torch.float32)
    return (y.to(dtype) * F.silu(z.to(dtype))).to(y.dtype)


def _unsqueeze(inputs: Inputs) -> Inputs:
    """Single-direction inputs, without the axis R, in canonical form."""
    u, delta, A, B, C, D, delta_bias = inputs
    return (
        u,
        delta.unsqueeze(2),
        A.unsqueeze(0),
        B.unsqueeze(2),
        C.unsqueeze(2),
        None if D is None else D.unsqueeze(0),
        None if delta_bias is None else delta_bias.unsqueeze(0),
    )


def wants_gradients(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def canonical(inputs: Inputs) -> Inputs:
    """Add the axis of directions where there is none."""
    return inputs if inputs[1].dim() == 4 else _unsqueeze(inputs)


def fit_gradients(
    gradients: Sequence[Tensor], inputs: Sequence[Any], wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """Each gradient in its input's shape and dtype; None where it is not wanted."""
    return tuple(
        _fitted(grad, x) if need else None
        for grad, x, need in zip(gradients, inputs, wanted, strict=False)
    )


def _fitted(grad: Tensor, x: Tensor) -> Tensor:
    if grad.shape != x.shape:
        grad = grad.view(x.shape)
    return grad if grad.dtype == x.dtype else grad.to(x.dtype)


def _through_plain_torch(
    inputs: Inputs,
    options: Options,
    wanted: Sequence[Tensor],
    grads: tuple[Tensor, Tensor | None],
    *,
    again: bool,
) -> tuple[Tensor, ...]:
    """Gradients by recomputing with ``torch_scan``; ``again``: differentiable themselves."""
    y, state = torch_scan.scan(*canonical(inputs), options.softplus, options.reverse)
    pairs = [(gate(y, options.z), grads[0].to(y.dtype))]
    if grads[1] is not None:
        pairs.append((state, grads[1].to(state.dtype)))
    pairs = [(x, grad) for x, grad in pairs if x.requires_grad]  # not so for an empty sequence
    outputs, pulled = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, wanted, pulled, create_graph=again, materialize_grads=True)


def recomputed_gradients(
    inputs: Inputs, options: Options, grad_y: Tensor, grad_state: Tensor | None
) -> Gradients:
    """Gradients (without a gate) through plain torch, where a kernel has no backward pass."""
    with torch.enable_grad():
        leaves: Any = tuple(None if x is None else x.detach().requires_grad_() for x in inputs)
        wanted = [x for x in leaves if x is not None]
        grads = (grad_y, grad_state)
        found = iter(_through_plain_torch(leaves, options, wanted, grads, again=False))
    nothing = inputs[2].new_zeros(inputs[2].shape[:2])
    gradients: Any = (*(nothing if x is None else next(found) for x in inputs), None)
    return gradients


def _differentiate_again(ctx: Any, grad_y: Tensor, grad_state: Tensor | None) -> tuple[Any, ...]:
    """The backward pass as a differentiable graph."""
    (*inputs, z), need = ctx.saved_tensors[:8], ctx.needs_input_grad[:8]
    wanted = [x for x, needed in zip((*inputs, z), need, strict=True) if needed]
    options, grads = ctx.options._replace(z=z), (grad_y, grad_state)
    found = iter(_through_plain_torch(tuple(inputs), options, wanted, grads, again=True))
    return tuple(next(found) if needed else None for needed in need)


class ScanFunction(torch.autograd.Function):
    """apply(*seven inputs, z, softplus, reverse, want_state, kernels) -> (y, state)."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> tuple[Tensor, Tensor]:
        inputs, (z, softplus, reverse, want_state, kernels) = args[:7], args[7:]
        ctx.options, ctx.kernels, ctx.want_state = Options(softplus, reverse), kernels, want_state
        options = Options(softplus, reverse, z)
        y, state, kept = kernels.forward(inputs, options, keep=True, want_state=want_state)
        ctx.save_for_backward(*inputs, z, kept)
        ctx.set_materialize_grads(False)
        if not want_state:
            ctx.mark_non_differentiable(state)
        return y, state

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        grad_y, grad_state = grads
        *inputs, z, kept = ctx.saved_tensors
        if not ctx.want_state:
            grad_state = None
        if grad_y is None:
            grad_y = torch.zeros_like(inputs[0])
        if torch.is_grad_enabled():
            found: Sequence[Any] = _differentiate_again(ctx, grad_y, grad_state)
        else:
            options = ctx.options._replace(z=z)
            found = ctx.kernels.backward(tuple(inputs), options, kept, grad_y, grad_state)
            found = fit_gradients(found, (*inputs, z), ctx.needs_input_grad)
        return (*found, None, None, None, None)


def scan(
    kernels: Kernels, inputs: Inputs, options: Options, want_state: bool
) -> tuple[Tensor, Tensor]:
    """Run a backend, recording for autograd only where that is wanted.

    ``inputs`` are canonical, or without the axis R for one direction.
    """
    softplus, reverse, z = options
    if wants_gradients(*inputs, z):
        if z is not None and not kernels.GATES_BACKWARD:
            y, state = scan(kernels, inputs, options._replace(z=None), want_state)
            return gate(y, z), state
        y, state = ScanFunction.apply(*inputs, z, softplus, reverse, want_state, kernels)
        return y, state
    y, state, _ = kernels.forward(inputs, options, keep=False, want_state=want_state)
    return y, state
