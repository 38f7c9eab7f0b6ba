"""How fast and how lean SSMamba is on this CPU, against timm's models of like accuracy class.

    python -m tests.benchmarks.block [--sizes 224 512 1024 2048] [--threads 1] [--repeat 15]
    python -m tests.benchmarks.block --profile [--sizes 224 1024] [--threads 1]
    python -m tests.benchmarks.block --baseline PATH [--batches 1 16] [--cpu-time]

Inference of one image with random weights. All models of a size are timed in one run, in an order
shuffled anew in each repetition (there are fewer of them for large images); ratios are to timm's
ViT-S/16 as it comes. "ViT-S/16, our products" has its linear layers on the matrix product that
SSMamba uses, so that the network can be told from the library below it. Memory is the peak above
the loaded model, each figure from a fresh process. ``--profile`` shows where the time of a forward
pass goes. ``--baseline`` names another checkout of this repository, whose models run in a
process of their own in the same run; "auto" is what the viewer takes, "autocast" torch's bfloat16.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ssmamba import ops
from ssmamba.config import SIZES, SSMambaConfig
from ssmamba.inference.frozen.precision import processor
from ssmamba.models import SSMamba
from ssmamba.runtime.memory import keep_freed_memory
from tests.benchmarks import checkouts
from tests.benchmarks.measuring import (
    can_measure_memory,
    in_fresh_process,
    peak_kib,
    reset_peak,
    time_shuffled,
)
from tests.benchmarks.parts import time_parts

REFERENCE = "ViT-S/16"
TIMM = {
    REFERENCE: "vit_small_patch16_224",
    "ViT-Ti/16": "vit_tiny_patch16_224",
    "Swin-T": "swin_tiny_patch4_window7_224",
    "ResNet-18": "resnet18",
}
OUR_PRODUCTS = "ViT-S/16, our products"
SIDES = (224, 512, 1024, 2048)
AIMS = {("tiny", 224): 0.25, ("small", 224): 0.6, ("small", 1024): 0.3}  # x ViT-S/16's time
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def build(name: str, side: int) -> nn.Module:
    """An SSMamba size or one of timm's models for images of ``side`` pixels, random weights."""
    torch.manual_seed(0)
    if name in SIZES:
        return SSMamba(SSMambaConfig.of_size(name), 5).eval()
    import timm

    sized = {} if name == "ResNet-18" else {"img_size": side}
    model = timm.create_model(TIMM[name.split(",")[0]], num_classes=5, **sized).eval()
    if name == OUR_PRODUCTS:
        use_our_products(model)
    return model


def use_our_products(model: nn.Module) -> None:
    from ssmamba.layers.linear import Linear

    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


def forward(model: nn.Module, side: int, precision: str) -> Callable[[], object]:
    image = torch.randn(1, 3, side, side)
    lower = precision != "float32"

    def run() -> None:
        with torch.inference_mode(), torch.autocast("cpu", DTYPES[precision], enabled=lower):
            model(image)

    return run


def measure_memory(name: str, side: int, threads: int, precision: str) -> None:
    """Print MiB: the peak of one forward pass above the loaded model (in a fresh process)."""
    torch.set_num_threads(threads)
    model = build(name, side)
    if name in SIZES:
        forward(model, 64, precision)()  # compiled kernels are not the image's memory
    run = forward(model, side, precision)
    reset_peak()
    before = peak_kib()
    run()
    print(f"{(peak_kib() - before) / 1024:.0f}")


def memory_of(name: str, side: int, options: argparse.Namespace) -> str:
    if options.no_memory or not can_measure_memory():
        return "-"
    call = f"measure_memory({name!r}, {side}, {torch.get_num_threads()}, {options.precision!r})"
    return in_fresh_process(f"from tests.benchmarks.block import measure_memory; {call}")


def clock_of(options: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if options.cpu_time else time.perf_counter


def compare(side: int, options: argparse.Namespace) -> None:
    """Print one line for each model at one image size."""
    runs = {n: forward(build(n, side), side, options.precision) for n in options.models}
    repeat = max(2, round(options.repeat * SIDES[0] / side))
    summary = statistics.median if options.medians else min
    ms = time_shuffled(runs, repeat, summary=summary, clock=clock_of(options))
    del runs
    for name, value in ms.items():
        ratio = f"{value / ms[REFERENCE]:.3f}" if REFERENCE in ms else "-"
        aim = f"  (aim {AIMS[name, side]})" if (name, side) in AIMS else ""
        memory = memory_of(name, side, options)
        print(f"{side:>5}  {name:<24} {value:>9.1f} ms   x {ratio:<6} {memory:>7} MiB{aim}")


def profile(name: str, side: int, options: argparse.Namespace) -> None:
    """Print each part's share of one SSMamba forward pass."""
    model = build(name, side)
    run = forward(model, side, options.precision)
    repeat = max(3, round(options.repeat * SIDES[0] / side))
    parts = time_parts(model, run, repeat, clock_of(options))
    total = sum(parts.values())
    print(f"{name} at {side} px: {total:.1f} ms")
    for part, value in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"    {part:<28} {value:>8.2f} ms  {value / total:>5.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    everything = ["tiny", "small", "ViT-S/16", "ViT-Ti/16", "Swin-T", OUR_PRODUCTS]
    parser.add_argument("--sizes", type=int, nargs="+", default=SIDES, help="image sides in px")
    parser.add_argument(
        "--models", nargs="+", default=everything, choices=[*SIZES, *everything, "ResNet-18"]
    )
    parser.add_argument("--repeat", type=int, default=15, help="at 224 px; fewer at larger sizes")
    parser.add_argument("--threads", type=int, help="torch's own choice unless given")
    parser.add_argument("--precision", default="float32", choices=tuple(DTYPES))
    parser.add_argument("--medians", action="store_true", help="of a quiet machine; else minima")
    parser.add_argument("--cpu-time", action="store_true", help="beside other work; one thread")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--profile", action="store_true", help="parts of SSMamba's forward pass")
    parser.add_argument("--baseline", type=Path, help="another checkout, timed in the same run")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16], help="with --baseline")
    options = parser.parse_args()
    random.seed(0)
    if options.cpu_time:
        options.threads = 1
    if options.baseline is not None:
        threads = options.threads or torch.get_num_threads()
        clock = "cpu" if options.cpu_time else "wall"
        print(f"{processor()}; {threads} threads; medians of {clock} time")
        for side in options.sizes:
            models = options.models
            checkouts.compare(
                options.baseline, models, options.batches, side, threads, options.repeat, clock
            )
        return
    if options.threads:
        torch.set_num_threads(options.threads)
    ops.compile_kernels()
    backend = ops.warm_up()
    keep_freed_memory()  # as the predictor does
    print(
        f"scan: {backend.name}; {torch.get_num_threads()} threads; {options.precision}; "
        f"{'medians' if options.medians else 'minima'}{' of CPU time' * options.cpu_time}"
    )
    for side in options.sizes:
        if options.profile:
            for name in [n for n in options.models if n in SIZES]:
                profile(name, side, options)
        else:
            compare(side, options)


if __name__ == "__main__":
    main()
