"""x W^T + b on the CPU by oneDNN, which torch ships.

torch's own float32 ``linear`` takes MKL on x86. On AMD processors MKL keeps to AVX2: at SSMamba's
shapes (32 to 768 channels) oneDNN was 1.6 to 2.2 times as fast on a Zen 5 core. What it does not do
here (other devices and dtypes, autocast, tracing, torch.func, little work) goes to torch. Results
differ by float32 rounding.
"""

from __future__ import annotations

import logging
import platform
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ssmamba.ops.eager import is_recorded, is_transformed, is_watched
from ssmamba.ops.function import wants_gradients

logger = logging.getLogger(__name__)

LEAST_WORK = 1 << 20  # multiply-accumulates; below, torch's call is the cheaper one


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@cache
def has_onednn() -> bool:
    """Whether this torch has oneDNN's product (made for its own compiler) and it is right."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False  # on Arm torch's linear takes oneDNN itself, or Apple's library
    if not torch.backends.mkldnn.is_available():
        return False
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            x, weight, bias = torch.randn(16, 12), torch.randn(20, 12), torch.randn(20)
            found, expected = _onednn(x, weight, bias), F.linear(x, weight, bias)
            turned, expected_turned = _onednn(x.t(), x.t(), None), x.t() @ x
            right = torch.allclose(found, expected, atol=1e-4) and torch.allclose(
                turned, expected_turned, atol=1e-4
            )
    except (AttributeError, RuntimeError) as error:
        logger.info("oneDNN's linear cannot be used: %s", error)
        return False
    return right


def _is_dense(matrix: Tensor) -> bool:
    return matrix.is_contiguous() or matrix.t().is_contiguous()


def _has_rows(x: Tensor) -> bool:
    """Whether oneDNN's fast kernels accept the strides of x; others are 100 times slower."""
    return x.is_contiguous() or (x.stride(-1) == 1 if x.dim() > 2 else x.t().is_contiguous())


def _takes_onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    return (
        x.device.type == "cpu"
        and not is_recorded()
        and x.dtype == weight.dtype == torch.float32
        and x.numel() * weight.shape[0] >= LEAST_WORK
        and _has_rows(x)
        and _is_dense(weight)
        and weight.device.type == "cpu"
        and (bias is None or bias.dtype == torch.float32)
        and not is_watched(x)
        and type(weight) in (Tensor, torch.nn.Parameter)
        and not torch.is_autocast_enabled("cpu")
        and not is_transformed()
        and torch._C._get_mkldnn_enabled()
        and has_onednn()
    )


class _LinearFunction(torch.autograd.Function):
    """Both passes by oneDNN; the backward pass is made of ``linear`` and so differentiable."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        need = ctx.needs_input_grad
        rows = grad.flatten(0, -2).contiguous()
        return (
            linear(grad.contiguous(), weight.t()) if need[0] else None,
            _product_over_rows(rows, x.flatten(0, -2).contiguous()) if need[1] else None,
            rows.sum(0) if need[2] else None,
        )


def _product_over_rows(x: Tensor, y: Tensor) -> Tensor:
    """x^T y, (rows, a), (rows, b) -> (a, b); the wider of them is better on the right."""
    if x.shape[1] > y.shape[1]:
        return linear(y.t(), x.t()).t()
    return linear(x.t(), y.t())


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., in), weight (out, in), bias (out,) -> (..., out), as torch's ``linear``."""
    if not _takes_onednn(x, weight, bias):
        return F.linear(x, weight, bias)
    if wants_gradients(x, weight, bias):
        return _LinearFunction.apply(x, weight, bias)
    return _onednn(x, weight, bias)
