"""The cost of a model: parameters, multiply-accumulates and images per second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.models.convnets import fuse_batch_norm
from ssmamba.models.macs import count_macs
from ssmamba.runtime.device import Device

BATCH = {"cpu": 16, "cuda": 128}  # on a GPU 16 images would measure the launches of kernels
WARM_UP, ROUNDS = 1, 25  # the models take turns, so that all meet the same load of the machine


@dataclass(frozen=True)
class Cost:
    """Cost of one classifier with its head on one window."""

    parameters: int
    macs: int
    images_per_s: float  # inference, a batch at once, the best of ROUNDS


def measure_costs(paths: dict[str, Path], device: torch.device) -> dict[str, Cost]:
    """Cost of each cell's checkpoint."""
    loaded = {cell: checkpoint.load(path, device) for cell, path in paths.items()}
    for found in loaded.values():
        fuse_batch_norm(found.model)  # as the viewer runs it; SSMamba does so by itself
    best = dict.fromkeys(loaded, float("inf"))
    for number in range(WARM_UP + ROUNDS):
        for cell, found in loaded.items():
            seconds = pass_seconds(found.model, found.card.input.window_px, device)
            if number >= WARM_UP:
                best[cell] = min(best[cell], seconds)
    return {
        cell: Cost(
            found.parameters,
            count_macs(found.model, found.card.input.window_px),
            round(batch_on(device) / best[cell], 1),
        )
        for cell, found in loaded.items()
    }


def batch_on(device: torch.device) -> int:
    """Images per batch."""
    return BATCH.get(device.type, BATCH["cpu"])


def where_measured(device: Device) -> str:
    """Batch and device in words: "16 images at once, CPU (8 cores), 2 threads"."""
    where = f"{batch_on(torch.device(device.name))} images at once, {device.label}"
    if device.is_cuda:
        return where
    threads = torch.get_num_threads()
    return f"{where}, {threads} thread{'s' * (threads != 1)}"


@torch.inference_mode()
def pass_seconds(model: nn.Module, window: int, device: torch.device) -> float:
    """Inference on one batch that is already on the device."""
    batch = torch.zeros(batch_on(device), 3, window, window, device=device)
    start = time.perf_counter()
    model(batch)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
