"""How fast the scan and the models are on this GPU, against mamba-ssm, the roofline, ViT and Swin.

    python -m tests.benchmarks.gpu [--repeat 20] [--dtype bfloat16] [--batch 64] [--region 8000]

One run, one table; the models are in ``gpu_models.py``. The roofline is the time that a plain copy
of the same bytes takes: every input read once and every output (with backward: every gradient too)
written once. mamba-ssm scans each direction by itself, the second one on flipped input, as Vim and
its relatives do.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssmamba.ops import dispatch, function
from tests.benchmarks.gpu_models import report_models
from tests.benchmarks.measuring import time_shuffled
from tests.benchmarks.scan import N, forward_backward, forward_only, problem

# batch, channels, L, directions
SSMAMBA_SHAPES = ((64, 48, 3136, 2), (64, 96, 784, 2), (64, 192, 196, 2), (64, 384, 49, 2))
PIXEL_MAMBA_SHAPES = ((1, 6, 1_000_000, 1), (1, 24, 250_000, 1), (1, 96, 62_500, 1))
AIMS = {"SSMamba": 1.5, "Pixel-Mamba": 10.0}


def scan_with(kernels: function.Kernels) -> Callable[..., Tensor]:
    return lambda *inputs: function.scan(kernels, inputs, function.Options(True, False), False)[0]  # type: ignore[arg-type]


def one_direction_at_a_time(kernels: function.Kernels) -> Callable[..., Tensor]:
    """Separate calls, the second one on a flipped sequence."""

    def scan(*inputs: Any) -> Tensor:
        u, delta, A, B, C, D, bias = inputs
        total = None
        for r in range(A.shape[0]):
            parts = [u, delta[:, :, r : r + 1], B[:, :, r : r + 1], C[:, :, r : r + 1]]
            if r == 1:
                parts = [x.flip(1) for x in parts]
            arguments = (
                parts[0],
                parts[1],
                A[r : r + 1],
                *parts[2:],
                D[r : r + 1],
                bias[r : r + 1],
            )
            y, _ = function.scan(kernels, arguments, function.Options(True, False), False)
            total = y if total is None else total + y.flip(1)
        assert total is not None
        return total

    return scan


def copy_of(size: int) -> Callable[[], object]:
    """A copy that moves ``size`` bytes in all (half read, half written)."""
    source = torch.empty(size // 2, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def moved_bytes(inputs: tuple[Any, ...], backward: bool) -> int:
    sizes = [x.numel() * x.element_size() for x in inputs]
    forward = sum(sizes) + sizes[0]
    return forward + 2 * sum(sizes) + sizes[0] if backward else forward


def compare(title: str, shape: tuple[int, int, int, int], dtype: torch.dtype, repeat: int) -> None:
    batch, channels, L, R = shape
    u, delta, A, B, C, D, bias = problem(batch, channels, L, "cuda", R)
    inputs = (u.to(dtype), delta.to(dtype), A, B.to(dtype), C.to(dtype), D, bias)
    scans: dict[str, Callable[..., Tensor]] = {}
    for name in ("triton", "mamba_ssm"):
        kernels, reason = dispatch._load(name)
        if kernels is None:
            print(f"{name} is left out: {reason}")
        elif name == "mamba_ssm":
            scans[name] = one_direction_at_a_time(kernels)
        else:
            scans[name] = scan_with(kernels)
    for backward, prepare in ((False, forward_only), (True, forward_backward)):
        variants = {name: prepare(scan, inputs) for name, scan in scans.items()}
        variants["copy"] = copy_of(moved_bytes(inputs, backward))
        ms = time_shuffled(variants, repeat, torch.cuda.synchronize)
        line = "  ".join(f"{name} {value:.3f}" for name, value in ms.items())
        notes = []
        if "triton" in ms:
            notes.append(f"{ms['copy'] / ms['triton']:.0%} of the roofline (aim 60 %)")
        if "triton" in ms and "mamba_ssm" in ms:
            ratio = ms["mamba_ssm"] / ms["triton"]
            notes.append(f"{ratio:.2f} x mamba_ssm (aim {AIMS[title]})")
        kind = "with backward" if backward else "forward"
        print(f"{title:<12} {shape!s:<24} {kind:<14} {line}  ->  {', '.join(notes)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float16", "float32"))
    parser.add_argument("--batch", type=int, default=64, help="images at once, for images/s")
    parser.add_argument("--region", type=int, default=8000, help="px, a large region in one pass")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device here: nothing was measured")
    random.seed(0)
    print(f"{torch.cuda.get_device_name()}, N = {N}, {options.dtype}, medians in ms")
    for title, shapes in (("SSMamba", SSMAMBA_SHAPES), ("Pixel-Mamba", PIXEL_MAMBA_SHAPES)):
        for shape in shapes:
            compare(title, shape, getattr(torch, options.dtype), options.repeat)
    report_models(options)


if __name__ == "__main__":
    main()
