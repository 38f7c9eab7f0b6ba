"""SSMamba against ViT-S/16 and Swin-T on a GPU: images/s, latency, and memory of a huge region.

Part of ``python -m tests.benchmarks.gpu``. Autocast to ``--dtype`` for all alike, random weights.
"graph" is the latency when the forward pass is replayed as one CUDA graph.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ssmamba.runtime.cuda_graphs import GraphedForward
from tests.benchmarks.block import REFERENCE, build
from tests.benchmarks.measuring import time_shuffled

SIDE = 224
REGION = 8000  # px; the paper's CAMELYON16 regions
MODELS = ("tiny", "small", "base", REFERENCE, "Swin-T")
REGION_MODELS = ("tiny", "small", REFERENCE)
MIB = 1 << 20


def forward(model: nn.Module, dtype: torch.dtype) -> Callable[[Any], tuple[Any, ...]]:
    def run(images: Any) -> tuple[Any, ...]:
        with (
            torch.inference_mode(),
            torch.autocast("cuda", dtype, enabled=dtype != torch.float32, cache_enabled=False),
        ):
            return (model(images),)

    return run


def compare_models(dtype: torch.dtype, batch: int, repeat: int) -> None:
    """One line for each model: images/s of a batch, latency of one image with and without graph."""
    models = {name: build(name, SIDE).cuda() for name in MODELS}
    many, one = (torch.randn(n, 3, SIDE, SIDE, device="cuda") for n in (batch, 1))
    calls = {name: forward(model, dtype) for name, model in models.items()}
    graphs = {name: GraphedForward(call) for name, call in calls.items()}

    def timed(functions: dict[str, Callable[[Any], object]], images: Any) -> dict[str, float]:
        runs = {n: (lambda f=f: f(images)) for n, f in functions.items()}
        for run in runs.values():  # kernels are compiled and chosen, graphs recorded
            run()
        return time_shuffled(runs, repeat, torch.cuda.synchronize, statistics.median)

    throughput = timed(dict(calls), many)
    latency = timed(dict(calls), one)
    replayed = timed(dict(graphs), one)
    for name in MODELS:
        rate = batch / throughput[name] * 1e3
        ratio = throughput[REFERENCE] / throughput[name]
        print(
            f"{name:<10} {SIDE} px  {rate:>9.0f} images/s (x {ratio:.2f} {REFERENCE})   "
            f"latency {latency[name]:.2f} ms, graph {replayed[name]:.2f} ms"
        )


def compare_region(dtype: torch.dtype, side: int) -> None:
    """Peak memory and time of one pass over a region of ``side`` pixels."""
    for name in REGION_MODELS:
        torch.cuda.empty_cache()
        try:
            print(f"{name:<10} {side} px in one pass: {_region(name, dtype, side)}")
        except torch.OutOfMemoryError:
            total = torch.cuda.get_device_properties(0).total_memory // MIB
            print(f"{name:<10} {side} px in one pass: does not fit into {total} MiB")


def _region(name: str, dtype: torch.dtype, side: int) -> str:
    model = build(name, side).cuda()
    call = forward(model, dtype)
    call(torch.randn(1, 3, SIDE, SIDE, device="cuda")) if name != REFERENCE else None
    image = torch.randn(1, 3, side, side, device="cuda")
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call(image)
    end.record()
    torch.cuda.synchronize()
    peak = (torch.cuda.max_memory_allocated() - before) // MIB
    return f"{peak} MiB above model and image, {start.elapsed_time(end):.0f} ms"


def report_models(options: argparse.Namespace) -> None:
    random.seed(0)
    dtype = getattr(torch, options.dtype)
    compare_models(dtype, options.batch, options.repeat)
    compare_region(dtype, options.region)
