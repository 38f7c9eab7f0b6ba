"""Products and convolutions with fixed weights, brought into oneDNN's order once.

Each works in the dtype of what it is given, float32 or bfloat16; sums are float32 in both.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ssmamba.ops.linear import LEAST_WORK, has_onednn

Activation = str  # "none" or "relu", as oneDNN calls them


class Dense:
    """x W^T + b, (..., in) -> (..., out), then the activation."""

    def __init__(self, weight: Tensor, bias: Tensor | None, act: Activation = "none") -> None:
        self._given = weight.detach().float().contiguous(), bias
        self._act = act
        self._packed: dict[torch.dtype, tuple[Tensor, Tensor, Tensor | None]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype not in self._packed:
            self._packed[x.dtype] = self._pack(x)
        plain, packed, bias = self._packed[x.dtype]
        small = x.dtype is torch.float32 and x.numel() * plain.shape[0] < LEAST_WORK
        if packed is plain or small:
            y = F.linear(x, plain, bias)
            return y.relu_() if self._act == "relu" else y
        return torch.ops.mkldnn._linear_pointwise.default(x, packed, bias, self._act, [], "")

    def _pack(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        weight, bias = self._given
        plain = weight.to(x.dtype)
        packed = plain
        if has_onednn():
            rows = math.prod(x.shape[:-1])
            packed = torch.ops.mkldnn._reorder_linear_weight.default(plain, rows)
        return plain, packed, None if bias is None else bias.detach().to(x.dtype)


class Conv:
    """A convolution of (B, H, W, in) -> (B, H', W', out), then the activation."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        *,
        stride: Any = (1, 1),
        padding: Any = (0, 0),
        groups: int = 1,
        act: Activation = "none",
    ) -> None:
        self._given = weight.detach().float(), bias
        self._stride, self._padding, self._groups = list(stride), list(padding), groups
        self._act = act
        self._packed: dict[torch.dtype, tuple[Tensor, Tensor | None]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        image = x.permute(0, 3, 1, 2)
        if x.dtype not in self._packed:
            self._packed[x.dtype] = self._pack(image)
        weight, bias = self._packed[x.dtype]
        if weight.layout is torch.strided:
            y = F.conv2d(image, weight, bias, self._stride, self._padding, 1, self._groups)
            y = y.relu_() if self._act == "relu" else y
        else:
            y = torch.ops.mkldnn._convolution_pointwise.default(
                image, weight, bias, self._padding, self._stride, [1, 1], self._groups, self._act,
                [], "",
            )  # fmt: skip
        return y.permute(0, 2, 3, 1).contiguous()  # it is already, but for one-pixel grids

    def _pack(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        weight, bias = self._given
        weight = rounded(weight) if image.dtype is torch.bfloat16 else weight
        bias = None if bias is None else bias.detach().to(image.dtype)
        if has_onednn():
            weight = torch.ops.mkldnn._reorder_convolution_weight.default(
                weight, self._padding, self._stride, [1, 1], self._groups, list(image.shape)
            )
        return weight, bias


def rounded(weight: Tensor) -> Tensor:
    """(out, in, height, width) as bfloat16; each rounding's error goes into the next entry.

    Neighbouring pixels are alike, so errors that add up over the taps would move whole maps.
    """
    entries = weight.flatten(1)
    found = torch.empty_like(entries, dtype=torch.bfloat16)
    error = torch.zeros(len(entries))
    for at in range(entries.shape[1]):
        wanted = entries[:, at] + error
        found[:, at] = wanted
        error = wanted - found[:, at].float()
    return found.view_as(weight)
