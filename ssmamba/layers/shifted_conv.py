"""A causal depthwise convolution as shifted products, without oneDNN.

oneDNN makes code for each length that it meets and keeps it: of a convolution's backward pass
1.4 MB and 20 ms a length (AMD Zen 3), and hardly two slides have the same length.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def shifted_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(L + width - 1, c), weight (c, 1, width), bias (c,), all float32 -> (L, c).

    As torch's conv1d with c groups: the first ``width`` - 1 tokens are there to be seen alone.
    """
    found: Tensor = _ShiftedConv.apply(x, weight, bias)
    return found


class _ShiftedConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        length = len(x) - weight.shape[2] + 1
        y = bias.expand(length, -1).clone(memory_format=torch.contiguous_format)
        for k, row in enumerate(weight[:, 0].unbind(1)):
            # a row for each token: over a few channels at a time torch would be slow
            y.addcmul_(x[k : k + length], row.expand_as(y).contiguous())
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        (grad,) = grads
        grad_x, found = torch.zeros_like(x), []
        for k, row in enumerate(weight[:, 0].unbind(1)):
            seen = slice(k, k + len(grad))
            grad_x[seen].addcmul_(grad, row.expand_as(grad).contiguous())
            found.append((grad * x[seen]).sum(0))
        return grad_x, torch.stack(found, 1)[:, None], grad.sum(0)
