"""The scan as a ``torch.library`` operator, and the way around it for ordinary calls.

``torch.compile``, ``torch.export``, fake tensors and FLOP counters (see ``flops.py``) see
``ssmamba::selective_scan`` (forward) and ``ssmamba::selective_scan_backward``. An ordinary eager
call goes straight to the kernels, as the operator's own path costs more than a short scan.

Autocast: nothing is cast on the way in; decays, step sizes and state are float32 in every backend,
and y has u's dtype. Letters and shapes as in ``reference.py``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmamba.ops import dispatch, function
from ssmamba.ops.eager import is_recorded, is_transformed, is_watched

_INPUTS = (
    "Tensor u, Tensor delta, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? delta_bias, "
    "Tensor? z, bool delta_softplus, bool reverse"
)


@torch.library.custom_op(
    "ssmamba::selective_scan",
    mutates_args=(),
    schema=f"({_INPUTS}, bool keep, bool want_state) -> (Tensor, Tensor, Tensor)",
)
def scan_operator(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """y, the last state, and the tensors saved for the backward pass (both may be empty)."""
    inputs, (z, softplus, reverse, keep, want_state) = args[:7], args[7:]
    u, options = inputs[0], function.Options(softplus, reverse, z)
    kernels = dispatch.kernels_for(u)
    if kernels is not None:
        return kernels.forward(inputs, options, keep=keep, want_state=want_state)
    y, state = dispatch.run_plain(inputs, options)
    nothing = u.new_empty(0, dtype=torch.float32)
    return y, (state.float().contiguous() if want_state else nothing), nothing.clone()


@scan_operator.register_fake
def _(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    u, A, keep, want_state = args[0], args[2], args[10], args[11]
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    batch, _, channels = u.shape
    R, _, N = A.shape
    kernels = dispatch.kernels_for(u)
    if kernels is None:
        shape: tuple[int, ...] = (batch, R, channels, N) if want_state else (0,)
        return y, u.new_empty(shape, dtype=torch.float32), u.new_empty(0, dtype=torch.float32)
    kept = list(kernels.kept_shape(u, A))
    if not keep:
        kept[-2] = 0
    state = (batch if want_state else 0, R, channels, N)
    return y, u.new_empty(state, dtype=torch.float32), u.new_empty(kept, dtype=torch.float32)


@torch.library.custom_op(
    "ssmamba::selective_scan_backward",
    mutates_args=(),
    schema=f"({_INPUTS}, Tensor kept, Tensor grad_y, Tensor? grad_state) -> Tensor[]",
)
def backward_operator(*args: Any) -> list[Tensor]:
    """float32 gradients of the seven tensor inputs, and of z where there is one."""
    inputs, (z, softplus, reverse, *more) = args[:7], args[7:]
    kernels = dispatch.kernels_for(inputs[0])
    assert kernels is not None  # run() keeps plain torch out of here where gradients are wanted
    found = kernels.backward(inputs, function.Options(softplus, reverse, z), *more)
    return [g.float().contiguous() for g in found if g is not None]  # mamba_ssm gives u's dtype


def _gradient_shapes(u: Tensor, delta: Tensor, A: Tensor) -> list[tuple[Any, ...]]:
    R, channels, N = A.shape
    bc = (*u.shape[:2], R, N)
    return [(*u.shape,), (*delta.shape,), (R, channels, N), bc, bc, (R, channels), (R, channels)]


@backward_operator.register_fake
def _(*args: Any) -> list[Tensor]:
    u, z = args[0], args[7]
    shapes = _gradient_shapes(*args[:3]) + ([] if z is None else [(*z.shape,)])
    return [u.new_empty(shape, dtype=torch.float32) for shape in shapes]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:8], output[2])
    ctx.softplus, ctx.reverse, _, ctx.want_state = inputs[8:]
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, grad_y: Any, grad_state: Any, _grad_kept: Any) -> tuple[Any, ...]:
    *inputs, kept = ctx.saved_tensors
    if grad_y is None:
        grad_y = torch.zeros_like(inputs[0])
    if not ctx.want_state:
        grad_state = None
    found = backward_operator(*inputs, ctx.softplus, ctx.reverse, kept, grad_y, grad_state)
    wanted = [x is not None and need for x, need in zip(inputs, ctx.needs_input_grad, strict=False)]
    gradients = function.fit_gradients([*found, None][:8], inputs, wanted)
    return (*gradients, None, None, None, None)


scan_operator.register_autograd(_backward, setup_context=_setup_context)


def run(
    inputs: function.Inputs, options: function.Options, want_state: bool
) -> tuple[Tensor, Tensor]:
    """Scan on the chosen backend: inputs as in ``reference.py``, or without the axis R.

    Returns y in u's dtype and state (batch, R, channels, N), which is empty unless wanted.
    """
    u = inputs[0]
    recorded = is_recorded()
    if is_watched(u) and not recorded:
        return _run_operator(inputs, options, want_state)
    kernels = None if recorded or is_transformed() else dispatch.kernels_for(u)
    if kernels is None:
        return dispatch.run_plain(function.canonical(inputs), options)
    return function.scan(kernels, inputs, options, want_state)


def _run_operator(
    inputs: function.Inputs, options: function.Options, want_state: bool
) -> tuple[Tensor, Tensor]:
    u, canonical, (softplus, reverse, z) = inputs[0], function.canonical(inputs), options
    keep = function.wants_gradients(*inputs, z)
    if keep and not dispatch.has_kernels(u.device.type, u.dtype):
        return dispatch.run_plain(canonical, options)
    if z is not None and keep and not dispatch.gates_backward(u.device.type, u.dtype):
        y, state = _run_operator(inputs, options._replace(z=None), want_state)
        return function.gate(y, z), state
    y, state, _ = scan_operator(*canonical, z, softplus, reverse, keep, want_state)
    return y, state
