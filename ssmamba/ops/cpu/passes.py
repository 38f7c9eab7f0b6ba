"""Tensors in, one pass over their rows, tensors out; for inference, nothing is recorded.

Tensors are (..., channels), float32 or bfloat16, with dense channels and rows at one distance.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from ssmamba.kernels import layout, library
from ssmamba.kernels.layout import IDENTITY, NORM, SILU
from ssmamba.ops.cpu import threads

__all__ = ["IDENTITY", "NORM", "SILU", "max_pool", "moments", "norm_scale", "run"]

_TASK_ENTRIES = 1 << 14  # of one task: some microseconds


def norm_scale(weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """A LayerNorm's parameters as the kernel reads them."""
    return torch.cat([weight.float(), bias.float(), weight.new_tensor([epsilon]).float()])


def _place(tensor: Tensor | None) -> tuple[int, int, int]:
    """Address, distance of rows in bytes, and whether it is bfloat16; zeros for None."""
    if tensor is None:
        return 0, 0, 0
    size = tensor.element_size()
    row = tensor.stride(-2) * size if tensor.dim() > 1 else 0
    return tensor.data_ptr(), row, int(size == 2)


def _launch(work: int, tasks: int, width: int, *entries: int) -> None:
    plan = (ctypes.c_int64 * layout.ROWS_SIZE)(0, tasks, 0, 0, 0, *entries)
    threads.run(library.get("rows"), plan, tasks, work, layout.rows_floats(width))


def run(
    operation: int,
    a: Tensor,
    b: Tensor | None = None,
    *,
    kept: Tensor | None = None,
    out: Tensor | None = None,
    scale: Tensor | None = None,
) -> None:
    """out = operation(a + b), and a + b itself to ``kept``, float32, where that is given.

    ``scale`` comes from ``norm_scale``. ``kept`` and ``out`` may be a's own memory.
    """
    width = a.shape[-1]
    rows = a.numel() // width
    grain = max(1, _TASK_ENTRIES // width)
    places = (*_place(a), *_place(b), *_place(kept)[:2], *_place(out))
    norm = 0 if scale is None else scale.data_ptr()
    _launch(a.numel(), -(-rows // grain), width, operation, rows, width, grain, *places, norm, 0, 0)


def max_pool(x: Tensor) -> Tensor:
    """The greatest of 3 x 3, two apart: dense (B, H, W, C) -> (B, ceil(H/2), ceil(W/2), C)."""
    batch, high, wide, width = x.shape
    out = x.new_empty(batch, (high + 1) // 2, (wide + 1) // 2, width)
    rows = batch * out.shape[1]
    grain = max(1, _TASK_ENTRIES // (9 * out.shape[2] * width))
    places = (*_place(x), 0, 0, 0, 0, 0, *_place(out), 0, high, wide)
    _launch(9 * out.numel(), -(-rows // grain), width, layout.POOL, rows, width, grain, *places)
    return out


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel: dense (B, H, W, C) -> (B, C) twice, float32."""
    batch, high, wide, width = x.shape
    out = torch.empty(batch, 2, width)
    places = (*_place(x), 0, 0, 0, 0, 0, *_place(out), 0, high, wide)
    _launch(2 * x.numel(), batch, width, layout.MOMENTS, batch, width, 1, *places)
    return out[:, 0], out[:, 1]
