"""1-D convolutions along (B, L, C) tokens, without transposes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.ops.linear import linear


class SequenceConv(nn.Conv1d):
    """A 1-D convolution of (B, L, C) that keeps L; parameters as torch's Conv1d.

    Args:
        dim: channels in and out.
        width: kernel, odd unless causal.
        groups: ``dim`` for a depthwise convolution.
        causal: each token sees itself and those before it; else a centred window.
    """

    def __init__(self, dim: int, width: int, *, groups: int = 1, causal: bool = False) -> None:
        super().__init__(dim, dim, width, groups=groups)
        self.before = width - 1 if causal else width // 2  # zeros that stand before the sequence

    def forward(self, x: Tensor) -> Tensor:
        if self._has_few_tokens(x):
            return self._as_product(x)
        width, length = self.kernel_size[0], x.shape[1]
        image = x.unsqueeze(1).permute(0, 3, 1, 2)  # (B, C, 1, L) over (B, L, C) memory
        y = nn.functional.conv2d(
            image, self.weight.unsqueeze(2), self.bias, padding=(0, self.before), groups=self.groups
        )
        y = y.permute(0, 2, 3, 1).squeeze(1)
        # a causal convolution's padding on the right makes outputs that nobody wants
        return y if 2 * self.before + 1 == width else y[:, :length].contiguous()

    def _has_few_tokens(self, x: Tensor) -> bool:
        """Whether ordering the weights would cost a convolution more than a product's copies."""
        return (
            self.groups == 1
            and x.device.type == "cpu"
            and not torch.is_grad_enabled()
            and x.shape[0] * x.shape[1] <= 2 * x.shape[2]
        )

    def _as_product(self, x: Tensor) -> Tensor:
        width = self.kernel_size[0]
        padded = nn.functional.pad(x, (0, 0, self.before, width - 1 - self.before))
        windows = padded.unfold(1, width, 1)  # (B, L, C, width)
        return linear(windows.flatten(2), self.weight.flatten(1), self.bias)
