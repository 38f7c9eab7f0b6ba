"""The residual stream of a frozen network: a sum in float32 that its parts read and add to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.ops.cpu import passes


class Norm:
    """A LayerNorm's parameters, in the form that a pass over rows takes."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        self.scale = passes.norm_scale(norm.weight.detach(), norm.bias.detach(), norm.eps)


class Stream:
    """(B, H, W, C): what has been summed up, and the last part's result, not yet added.

    It is added within the pass that the next part's norm makes anyway.
    """

    def __init__(self, total: Tensor) -> None:
        self._total = total.contiguous()
        self._branch: Tensor | None = None
        self._own = False  # whether the memory of the sum may be written

    @property
    def shape(self) -> torch.Size:
        return self._total.shape

    def add(self, branch: Tensor) -> None:
        self.settle()
        self._branch = branch.reshape(self._total.shape)

    def settle(self) -> Tensor:
        """Add what is pending; the sum so far, float32 or as the stem gave it."""
        if self._branch is not None:
            kept = self._room()
            passes.run(passes.IDENTITY, self._total, self._branch, kept=kept)
            self._keep(kept)
        return self._total

    def read(self, dtype: torch.dtype, norm: Norm | None = None) -> Tensor:
        """The sum, behind a norm if one is given, in this dtype; (B, H, W, C)."""
        if norm is None and self._branch is None and self._total.dtype == dtype:
            return self._total
        if norm is None and dtype == torch.float32 and self._branch is not None:
            return self.settle()
        operation = passes.IDENTITY if norm is None else passes.NORM
        out = torch.empty(self.shape, dtype=dtype)
        kept = None if self._branch is None else self._room()
        scale = None if norm is None else norm.scale
        passes.run(operation, self._total, self._branch, kept=kept, out=out, scale=scale)
        if kept is not None:
            self._keep(kept)
        return out

    def _room(self) -> Tensor:
        return self._total if self._own else torch.empty(self.shape)

    def _keep(self, kept: Tensor) -> None:
        self._total, self._branch, self._own = kept, None, True
