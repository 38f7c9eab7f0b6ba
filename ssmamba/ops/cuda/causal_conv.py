"""causal-conv1d's compiled convolution for the original Mamba block, where it is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from ssmamba.ops.eager import is_recorded, is_transformed, is_watched
from ssmamba.runtime.memory import is_out_of_memory

logger = logging.getLogger(__name__)

_WIDTHS = (2, 3, 4)  # kernels that the extension has
_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
_STEP = 8  # channels and strides of tokens must be multiples of it


@cache
def extension(device: torch.device) -> Callable[..., Tensor] | None:
    """causal_conv1d_fn, or None where it is not installed, does not load or fails on this GPU."""
    try:
        from causal_conv1d import causal_conv1d_fn

        _try(causal_conv1d_fn, device)
    except ModuleNotFoundError:
        return None
    except Exception as error:  # built for another torch or GPU; the block must still run
        if is_out_of_memory(error):
            raise
        logger.warning("causal-conv1d cannot be used: %s", error)
        return None
    found: Callable[..., Tensor] = causal_conv1d_fn
    return found


def _try(convolve: Any, device: torch.device) -> None:
    """Both passes on a few tokens. Raises whatever the extension does."""
    with _disable_current_modes(), torch.inference_mode(False), torch.enable_grad():
        x = torch.zeros(1, _STEP, _STEP, device=device, requires_grad=True)
        weight = torch.zeros(_STEP, _WIDTHS[-1], device=device, requires_grad=True)
        y = convolve(x.transpose(1, 2), weight, None, activation="silu")
        torch.autograd.grad(y.sum(), (x, weight))
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def fits(x: Tensor, width: int) -> bool:
    """Whether the extension takes (B, L, C) tokens ``x`` as they lie in memory.

    What counts or traces operators (a model's multiply-accumulates, say) gets torch's convolution,
    which it knows.
    """
    return (
        x.is_cuda
        and width in _WIDTHS
        and x.dtype in _DTYPES
        and not (is_watched(x) or is_transformed() or is_recorded())
        and x.stride(2) == 1
        and all(number % _STEP == 0 for number in (x.shape[2], x.stride(0), x.stride(1)))
        and extension(x.device) is not None
    )


def run(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool) -> Tensor:
    """Depthwise convolution of (B, L, C) in which a token sees itself and those before it.

    weight: (C, 1, width); bias: (C,). ``silu``: applied to the result in the same pass.
    """
    convolve = extension(x.device)
    assert convolve is not None
    channels_first, activation = x.transpose(1, 2), "silu" if silu else None
    y = convolve(channels_first, weight.squeeze(1), bias, activation=activation)
    return y.transpose(1, 2)
