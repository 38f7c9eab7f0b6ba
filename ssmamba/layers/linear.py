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
    """A convolution whose stride is its width, (B, H, W, C) -> (B, ceil(H/s), ceil(W/s), out).

    With few patches the convolution spends its time on bringing its weights into order (1.3 ms
    against 0.3 for 256 -> 512 channels on a 7x7 grid), so there it is a product of patches.
    """

    def __init__(self, dim: int, out_dim: int, side: int) -> None:
        super().__init__(dim, out_dim, side, stride=side)

    def forward(self, x: Tensor) -> Tensor:
        side = self.stride[0]
        x = whole_patches(x, side)
        batch, height, width, dim = x.shape
        rows, columns = height // side, width // side
        product = x.device.type == "cpu" and not torch.is_grad_enabled()
        if not product or batch * rows * columns > dim:
            return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        patches = x.view(batch, rows, side, columns, side, dim).permute(0, 1, 3, 5, 2, 4)
        return linear(patches.reshape(batch, rows, columns, -1), self.weight.flatten(1), self.bias)


def whole_patches(x: Tensor, side: int) -> Tensor:
    """(B, H, W, C) with zeros to the right and below, so that both sides hold whole patches."""
    down, right = -x.shape[1] % side, -x.shape[2] % side
    return nn.functional.pad(x, (0, 0, 0, right, 0, down)) if down or right else x
