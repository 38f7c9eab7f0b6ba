"""Multiply-accumulates of a model, the scan included ("FLOPs" in the papers are these)."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@torch.no_grad()
def count_macs(model: nn.Module, side: int = 224) -> int:
    """Count one forward pass on a (1, 3, side, side) image.

    Products and convolutions come from torch's counter (two operations each); a selective scan
    adds 9·L·D·N operations for each direction, VMamba's count, taken as they are.
    """
    scans = 0

    def add_scan(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal scans
        scans += module.scan_operations(inputs[0].shape[1])  # type: ignore[operator]

    hooks = [
        module.register_forward_pre_hook(add_scan)
        for module in model.modules()
        if hasattr(module, "scan_operations")
    ]
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    try:
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, 3, side, side, device=device))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    return counter.get_total_flops() // 2 + scans
