"""Two sets of BatchNorm statistics: masked input for reconstruction, clean input for features.

Three quarters of a masked input are one constant token, so statistics gathered in pre-training
do not fit clean images.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

STATISTICS = ("running_mean", "running_var")


def _norms(model: nn.Module) -> list[tuple[str, nn.modules.batchnorm._BatchNorm]]:
    return [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]


def bn_statistics(model: nn.Module) -> dict[str, Tensor]:
    """Copy all running statistics: {"<module>.running_mean": (C,), ...}."""
    return {
        f"{name}.{key}": getattr(module, key).detach().clone()
        for name, module in _norms(model)
        for key in STATISTICS
    }


def load_bn_statistics(model: nn.Module, statistics: dict[str, Tensor]) -> None:
    """Put copied statistics back; names of other modules are ignored."""
    for name, module in _norms(model):
        for key in STATISTICS:
            if (value := statistics.get(f"{name}.{key}")) is not None:
                getattr(module, key).copy_(value)


@torch.no_grad()
def reestimate_bn(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace running statistics by their plain average over clean batches (B, 3, H, W)."""
    norms = _norms(model)
    if not norms:
        return
    momenta = [module.momentum for _, module in norms]
    training = model.training
    model.eval()  # drop path and the rest as in use; only the norms gather
    for _, module in norms:
        module.reset_running_stats()
        module.momentum = None  # cumulative average
        module.train()
    for batch in batches:
        model(batch)
    for (_, module), momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
    model.train(training)
