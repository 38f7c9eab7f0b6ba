"""Multiply-accumulates of a model, the scan included ("FLOPs" in the papers are these)."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import ssmamba.ops.flops  # noqa: F401  (counts the scan)


@torch.no_grad()
def count_macs(model: nn.Module, side: int = 224) -> int:
    """Count one forward pass on a (1, 3, side, side) image.

    Products and convolutions come from torch's counter (two operations each); a selective scan
    counts 9·L·D·N operations for each direction, VMamba's count, taken as they are.
    """
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    try:
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, 3, side, side, device=device))
    finally:
        model.train(training)
    by_operator = counter.get_flop_counts().get("Global", {})
    scan = by_operator.get(torch.ops.ssmamba.selective_scan, 0)
    return (counter.get_total_flops() - scan) // 2 + scan
