"""BatchNorm over the batches of all processes, on any device.

torch's own SyncBatchNorm works on GPUs only. Accumulation is no different from a smaller batch
here: each pass is normalised by its own statistics, over all processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn

_active = False  # norms reduce only within a training step; elsewhere processes differ in what
# they run (one stores, the others wait)


@contextmanager
def shared_statistics() -> Iterator[None]:
    """Within it the norms of ``share_statistics`` see the batches of all processes."""
    global _active
    before, _active = _active, True
    try:
        yield
    finally:
        _active = before


def _many() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class _SharedNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm whose training statistics are those of all processes' batches together."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions; the channels are the second one."""

    def forward(self, input: Tensor) -> Tensor:
        if not (_active and self.training and _many()):
            return super().forward(input)
        shape = [1, -1] + [1] * (input.ndim - 2)
        others = [d for d in range(input.ndim) if d != 1]
        x = input.float()  # statistics in float32 under autocast, as torch has them
        own = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums = _summed(torch.cat([x.sum(others), own]))  # one message for both
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = x - mean.view(shape)
        var = _summed((centred * centred).sum(others)) / count
        self._remember(mean.detach(), var.detach(), count)
        out = centred * (var + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        momentum = self.momentum
        share = 1.0 / self.num_batches_tracked.item() if momentum is None else momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        unbiased = var * (count / (count - 1).clamp(min=1))
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)


class SharedBatchNorm1d(_SharedNorm, nn.BatchNorm1d):
    """See _SharedNorm."""


class SharedBatchNorm2d(_SharedNorm, nn.BatchNorm2d):
    """See _SharedNorm."""


_SHARED: dict[type, type[nn.modules.batchnorm._BatchNorm]] = {
    nn.BatchNorm1d: SharedBatchNorm1d,
    nn.BatchNorm2d: SharedBatchNorm2d,
}


def share_statistics(model: nn.Module) -> int:
    """Replace the BatchNorms of a model in place; weights and names stay.

    Returns how many norms are of another kind and keep each process's own statistics.
    """
    left = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            kind = _SHARED.get(type(child))
            if kind is not None:
                setattr(parent, name, _replaced(child, kind))
            elif isinstance(child, nn.modules.batchnorm._BatchNorm):
                left += not isinstance(child, _SharedNorm)
    return left


def _replaced(norm: Any, kind: type[nn.modules.batchnorm._BatchNorm]) -> nn.Module:
    tracks = norm.track_running_stats
    new = kind(norm.num_features, norm.eps, norm.momentum, norm.affine, tracks)
    new._parameters, new._buffers = norm._parameters, norm._buffers
    return new.train(norm.training)


class _Sum(torch.autograd.Function):
    """Sum over the processes; the gradient is summed as well."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].clone()
        distributed.all_reduce(total)
        return total


def _summed(value: Tensor) -> Tensor:
    return _Sum.apply(value)
