"""What a model costs: parameters, multiply-accumulates and images a second."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ssmamba import checkpoint
from ssmamba.card import InputSpec, file_sha256
from ssmamba.models.macs import count_macs
from training.evaluate import write_json

BATCH = 16
WARM_UP, REPEATS = 2, 7  # passes; the median of the repeats counts


@dataclass(frozen=True)
class Cost:
    """Of one classifier with its head, reading one window."""

    parameters: int
    macs: int
    images_per_s: float  # inference, BATCH images at once


def measure_costs(paths: dict[str, Path], device: torch.device, kept: Path) -> dict[str, Cost]:
    """Cost of each cell's checkpoint; measured once, then read from the file ``kept``."""
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    found: dict[str, Cost] = {}
    for cell, path in paths.items():
        key = f"{file_sha256(path)} {device.type}"
        if key not in known:
            known[key] = asdict(measure(path, device))
            write_json(kept, known)
        found[cell] = Cost(**known[key])
    return found


def measure(path: Path, device: torch.device) -> Cost:
    found = checkpoint.load(path, device)
    side = found.card.input.window_px
    return Cost(
        found.parameters,
        count_macs(found.model, side),
        round(images_per_second(found.model, found.card.input, device), 1),
    )


@torch.inference_mode()
def images_per_second(model: nn.Module, spec: InputSpec, device: torch.device) -> float:
    """Inference on normalised batches that are already on the device."""
    batch = torch.zeros(BATCH, 3, spec.window_px, spec.window_px, device=device)
    times = []
    for _ in range(WARM_UP + REPEATS):
        start = time.perf_counter()
        model(batch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return BATCH / float(np.median(times[WARM_UP:]))
