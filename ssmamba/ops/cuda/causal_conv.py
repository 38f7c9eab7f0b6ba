"""causal-conv1d's compiled convolution for the original Mamba block, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from torch import Tensor

_WIDTHS = (2, 3, 4)  # kernels that the extension has
_STEP = 8  # channels and strides of tokens must be multiples of it


@cache
def extension() -> Callable[..., Tensor] | None:
    """causal_conv1d_fn, or None where the package is not installed or does not load."""
    try:
        from causal_conv1d import causal_conv1d_fn
    except (ImportError, OSError):  # not there, or built for another torch
        return None
    found: Callable[..., Tensor] = causal_conv1d_fn
    return found


def fits(x: Tensor, width: int) -> bool:
    """Whether the extension takes (B, L, C) tokens ``x`` as they lie in memory."""
    return (
        x.is_cuda
        and width in _WIDTHS
        and x.stride(2) == 1
        and all(number % _STEP == 0 for number in (x.shape[2], x.stride(0), x.stride(1)))
        and extension() is not None
    )


def run(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool) -> Tensor:
    """Depthwise convolution of (B, L, C) in which a token sees itself and those before it.

    weight: (C, 1, width); bias: (C,). ``silu``: applied to the result in the same pass.
    """
    convolve = extension()
    assert convolve is not None
    channels_first, activation = x.transpose(1, 2), "silu" if silu else None
    y = convolve(channels_first, weight.squeeze(1), bias, activation=activation)
    return y.transpose(1, 2)
