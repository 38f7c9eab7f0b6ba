"""Autograd around the backends that bring their own backward pass.

Canonical letters and shapes as in ``reference.py``. The state, the decays and the step sizes are
float32 whatever comes in; y has u's dtype, each gradient the dtype of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ssmamba.ops import torch_scan

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
Gradients = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


class Kernels(Protocol):
    """A backend with its own backward pass; module ``cpu.scan`` is one.

    ``forward`` gates y (one direction) where it is given z. A backend whose backward pass knows the
    gate too has ``backward_gated``, as ``backward`` with z behind the inputs, which returns the
    gradient of z as well; for others, the gate is a product in torch where gradients are wanted.
    """

    def kept_shape(self, u: Tensor, A: Tensor) -> tuple[int, ...]:
        """Shape of what the forward pass keeps (float32) when asked to."""

    def forward(
        self,
        inputs: Inputs,
        softplus: bool,
        reverse: bool,
        *,
        keep: bool,
        want_state: bool,
        z: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return y, state and what the backward pass wants kept (both maybe empty)."""

    def backward(
        self,
        inputs: Inputs,
        softplus: bool,
        reverse: bool,
        kept: Tensor,
        grad_y: Tensor,
        grad_state: Tensor | None,
    ) -> Gradients:
        """Return float32 gradients of u, delta, A, B, C, D and delta_bias."""


def gate(y: Tensor, z: Tensor | None) -> Tensor:
    """y * silu(z), or y without a gate: made in float32 at least, in y's dtype."""
    if z is None:
        return y
    dtype = torch.promote_types(y.dtype, torch.float32)
    return (y.to(dtype) * F.silu(z.to(dtype))).to(y.dtype)


def gates_backward(kernels: Kernels | None) -> bool:
    """Whether a backend's backward pass knows the gate."""
    return hasattr(kernels, "backward_gated")


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
        grad.view(x.shape).to(x.dtype) if need else None
        for grad, x, need in zip(gradients, inputs, wanted, strict=False)
    )


def _through_plain_torch(
    inputs: Inputs,
    z: Tensor | None,
    wanted: Sequence[Tensor],
    softplus: bool,
    reverse: bool,
    grads: tuple[Tensor, Tensor | None],
    *,
    again: bool,
) -> tuple[Tensor, ...]:
    """Gradients by recomputing with ``torch_scan``; ``again``: differentiable themselves."""
    y, state = torch_scan.scan(*canonical(inputs), softplus, reverse)
    pairs = [(gate(y, z), grads[0].to(y.dtype))]
    if grads[1] is not None:
        pairs.append((state, grads[1].to(state.dtype)))
    pairs = [(x, grad) for x, grad in pairs if x.requires_grad]  # not so for an empty sequence
    outputs, pulled = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, wanted, pulled, create_graph=again, materialize_grads=True)


def recomputed_gradients(
    inputs: Inputs, softplus: bool, reverse: bool, grad_y: Tensor, grad_state: Tensor | None
) -> Gradients:
    """Gradients of the seven inputs through plain torch; for what a kernel cannot do itself."""
    with torch.enable_grad():
        leaves: Any = tuple(None if x is None else x.detach().requires_grad_() for x in inputs)
        wanted = [x for x in leaves if x is not None]
        found = iter(
            _through_plain_torch(
                leaves, None, wanted, softplus, reverse, (grad_y, grad_state), again=False
            )
        )
    nothing = inputs[2].new_zeros(inputs[2].shape[:2])
    gradients: Any = tuple(nothing if x is None else next(found) for x in inputs)
    return gradients


def _differentiate_again(ctx: Any, grad_y: Tensor, grad_state: Tensor | None) -> tuple[Any, ...]:
    """The backward pass as a differentiable graph."""
    (*inputs, z), need = ctx.saved_tensors[:8], ctx.needs_input_grad[:8]
    wanted = [x for x, needed in zip((*inputs, z), need, strict=True) if needed]
    options, grads = (ctx.softplus, ctx.reverse), (grad_y, grad_state)
    found = iter(_through_plain_torch(tuple(inputs), z, wanted, *options, grads, again=True))
    return tuple(next(found) if needed else None for needed in need)


def gradients(kernels: Kernels, inputs: Inputs, z: Tensor | None, *options: Any) -> list[Any]:
    """float32 gradients of the seven inputs and of z (None without), by the backend's kernels."""
    if z is None:
        return [*kernels.backward(inputs, *options), None]
    assert gates_backward(kernels)  # others are not given z where gradients are wanted
    found, grad_z = kernels.backward_gated(inputs, z, *options)  # type: ignore[attr-defined]
    return [*found, grad_z]


class ScanFunction(torch.autograd.Function):
    """apply(*seven inputs, z, delta_softplus, reverse, want_state, kernels) -> (y, state)."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> tuple[Tensor, Tensor]:
        inputs, (z, softplus, reverse, want_state, kernels) = args[:7], args[7:]
        y, state, kept = kernels.forward(
            canonical(inputs), softplus, reverse, keep=True, want_state=want_state, z=z
        )
        ctx.save_for_backward(*inputs, z, kept)
        ctx.softplus, ctx.reverse, ctx.kernels = softplus, reverse, kernels
        ctx.want_state = want_state
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
            options = (ctx.softplus, ctx.reverse, kept, grad_y, grad_state)
            found = gradients(ctx.kernels, canonical(tuple(inputs)), z, *options)
            found = fit_gradients(found, (*inputs, z), ctx.needs_input_grad)
        return (*found, None, None, None, None)


def scan(
    kernels: Kernels,
    inputs: Inputs,
    softplus: bool,
    reverse: bool,
    want_state: bool,
    z: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a backend, recording for autograd only where that is wanted.

    ``inputs`` are canonical, or without the axis R for one direction; z is for one direction.
    """
    if wants_gradients(*inputs, z):
        if z is not None and not gates_backward(kernels):
            y, state = scan(kernels, inputs, softplus, reverse, want_state)
            return gate(y, z), state
        y, state = ScanFunction.apply(*inputs, z, softplus, reverse, want_state, kernels)
        return y, state
    y, state, _ = kernels.forward(
        canonical(inputs), softplus, reverse, keep=False, want_state=want_state, z=z
    )
    return y, state
