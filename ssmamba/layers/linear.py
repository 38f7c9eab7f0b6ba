"""Linear layers, and convolutions of separate patches, over channel-last maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.ops.linear import linear


class Linear(nn.Linear):
    """torch's Linear with the faster product of ``ops/linear.py``; same parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class PatchConv(nn.Conv2d):
    """A convolution whose stride is its width, (B, H, W, C) -> (B, H/s, W/s, out).

    With few patches the convolution spends its time on bringing its weights into order (1.3 ms
    against 0.3 for 256 -> 512 channels on a 7x7 grid), so there it is a product of patches.
    """

    def __init__(self, dim: int, out_dim: int, side: int) -> None:
        super().__init__(dim, out_dim, side, stride=side)

    def forward(self, x: Tensor) -> Tensor:
        side, (batch, height, width, dim) = self.stride[0], x.shape
        rows, columns = height // side, width // side
        few = batch * rows * columns <= dim and x.device.type == "cpu"
        if not few or torch.is_grad_enabled():
            return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        patches = x.view(batch, rows, side, columns, side, dim).permute(0, 1, 3, 5, 2, 4)
        return linear(patches.reshape(batch, rows, columns, -1), self.weight.flatten(1), self.bias)
