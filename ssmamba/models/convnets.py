"""BatchNorm folded into the convolutions of other networks, as SSMamba's own layers do it."""

from __future__ import annotations

import torch
from torch import nn
from torch.fx import Node, symbolic_trace
from torch.nn.utils import fuse_conv_bn_eval

from ssmamba.models.ssmamba import SSMamba


def fuse_batch_norm(model: nn.Module) -> int:
    """Fold each BatchNorm into the convolution before it and lay the weights out channels-last.

    In place, on a network in eval mode; answers stay the same but for rounding, and so do the names
    of the modules, so that CAMs find theirs. A network without such pairs, or with a forward pass
    that torch.fx cannot follow, is left as it is. Returns the number of pairs.

    On two CPU threads a ResNet of 1.3 million parameters takes half the time
    (``python -m tests.benchmarks.convnet``).
    """
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    if isinstance(model, SSMamba) or not norms or any(part.training for part in norms):
        return 0
    pairs = _pairs(model)
    for conv, norm in pairs:
        first, second = model.get_submodule(conv), model.get_submodule(norm)
        assert isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d)
        model.set_submodule(conv, fuse_conv_bn_eval(first, second))
        model.set_submodule(norm, nn.Identity())
    if pairs:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return len(pairs)


def _pairs(model: nn.Module) -> list[tuple[str, str]]:
    """Names of each convolution whose only reader is a BatchNorm, and of that norm."""
    try:
        graph = symbolic_trace(model).graph
    except Exception:  # what a foreign forward pass may raise is not known
        return []
    parts = dict(model.named_modules())
    used = [node.target for node in graph.nodes if node.op == "call_module"]
    found = []
    for node in graph.nodes:
        before = node.args[0] if node.op == "call_module" and node.args else None
        if (
            isinstance(before, Node)
            and before.op == "call_module"
            and isinstance(parts[str(node.target)], nn.BatchNorm2d)
            and isinstance(parts[str(before.target)], nn.Conv2d)
            and len(before.users) == 1
            and used.count(before.target) == used.count(node.target) == 1
        ):
            found.append((str(before.target), str(node.target)))
    return found
