"""Tensors in, compiled kernels, tensors out: the cpu backend without autograd.

Letters and shapes as in ``ops/reference.py``, with or without the axis R; float32 inside whatever
comes in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmamba.kernels import library
from ssmamba.ops.cpu import plan, threads
from ssmamba.ops.function import Gradients, Inputs, Options, Outputs

GATES_BACKWARD = False


def kept_shape(u: Tensor, A: Tensor) -> tuple[int, ...]:
    """Shape of what the forward pass keeps on request, see ``plan.kept_shape``."""
    batch, L, channels = u.shape
    return plan.kept_shape(batch, L, channels, A.shape[0], A.shape[2])


def _sum_planes(planes: Tensor) -> Tensor:
    return planes[0] if planes.shape[0] == 1 else planes[0].add_(planes[1])


def forward_low_rank(inputs: Inputs, weight: Tensor, softplus: bool) -> Tensor:
    """y, with dt (batch, L, R, rank) for delta and ``weight`` (R, channels, rank)."""
    options = Options(softplus, reverse=False)
    return forward(inputs, options, keep=False, want_state=False, weight=weight)[0]


def forward(
    inputs: Inputs, options: Options, *, keep: bool, want_state: bool, weight: Tensor | None = None
) -> Outputs:
    """Return y (u's dtype), the last state, and the checkpoints (both empty unless wanted)."""
    u, A = inputs[0], inputs[2]
    softplus, reverse, z = options
    assert z is None or A.dim() == 2 or A.shape[0] == 1  # of two directions, a sum would be gated
    rank = 0 if weight is None else weight.shape[2]
    given, strides = plan.laid_out((*inputs, weight, z))
    workers = torch.get_num_threads()
    outline = plan.forward_outline(
        u.shape, A.shape, rank, strides, keep, want_state, softplus, reverse, workers
    )
    y, checkpoints, state = outputs = [torch.empty(shape) for shape in outline.outputs]
    told = plan.addressed(outline.plan, plan.FORWARD_PLACES, (*given, *outputs))
    threads.run(library.get("forward"), told, outline.tasks, outline.work, outline.floats)
    y = _sum_planes(y)
    return (y if u.dtype == torch.float32 else y.to(u.dtype)), state, checkpoints


def backward(
    inputs: Inputs, options: Options, kept: Tensor, grad_y: Tensor, grad_state: Tensor | None
) -> Gradients:
    """Gradients of the seven inputs in float32; ``kept`` are the forward pass's checkpoints."""
    u, A = inputs[0], inputs[2]
    given, strides = plan.laid_out((*inputs, grad_y, kept, grad_state))
    workers = torch.get_num_threads()
    outline = plan.backward_outline(
        u.shape, A.shape, strides, options.softplus, options.reverse, workers
    )
    outputs = [torch.empty(shape) for shape in outline.outputs]
    told = plan.addressed(outline.plan, plan.BACKWARD_PLACES, (*given, *outputs))
    threads.run(library.get("backward"), told, outline.tasks, outline.work, outline.floats)
    grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias = outputs
    one = u.shape[0] == 1
    return (
        _sum_planes(grad_u),
        grad_delta,
        grad_A[0] if one else grad_A.sum(0),
        grad_B[:, 0] if grad_B.shape[1] == 1 else grad_B.sum(1),
        grad_C[:, 0] if grad_C.shape[1] == 1 else grad_C.sum(1),
        grad_D.select(-2, 0) if one else grad_D.sum(-2),
        grad_bias.select(-2, 0) if one else grad_bias.sum(-2),
        None,
    )
