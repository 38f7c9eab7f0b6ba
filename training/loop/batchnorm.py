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

# Norms reduce only within a training step; elsewhere processes run different code (one stores,
# the others wait)
_active = False


@contextmanager
def shared_statistics() -> Iterator[None]:
    """Context in which the norms of ``share_statistics`` see the batches of all processes."""
    global _active
    before, _active = _active, True
    try:
        yield
    finally:
        _active = before


def rank_and_processes() -> tuple[int, int]:
    """Rank of this process and the number of processes; (0, 1) outside of a distributed run."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


class _SharedNorm(nn.BatchNorm1d, nn.BatchNorm2d):
    """BatchNorm1d or 2d with training statistics over the batches of all processes together."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions; the channels are the second one."""

    def forward(self, input: Tensor) -> Tensor:
        if not (_active and self.training and rank_and_processes()[1] > 1):
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


def share_statistics(model: nn.Module) -> int:
    """Replace the BatchNorms of a model in place; weights and names stay.

    Returns the number of norms of another kind, which use each process's own statistics.
    """
    left = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d):
                setattr(parent, name, _replaced(child))
            elif isinstance(child, nn.modules.batchnorm._BatchNorm):
                left += not isinstance(child, _SharedNorm)
    return left


def _replaced(norm: Any) -> nn.Module:
    tracks = norm.track_running_stats
    new = _SharedNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, tracks)
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


def sum_over_processes(value: Tensor) -> Tensor:
    """The sum of a tensor of all processes within ``shared_statistics``, elsewhere the tensor.

    Gradients of a loss that every process computes alike from such sums, averaged over the
    processes, are those of one process with the whole batch.
    """
    return _summed(value) if _active and rank_and_processes()[1] > 1 else value
