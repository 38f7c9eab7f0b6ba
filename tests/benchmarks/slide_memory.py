"""Peak memory of Pixel-Mamba's forward and backward pass, measured beside the counted model.

``python -m tests.benchmarks.slide_memory [--window 224] [--regions 4,8] [--recompute 0,4,24]``;
Linux only. Each line is a process of its own.
"""

from __future__ import annotations

import argparse

import torch

from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.memory import Load
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.runtime.memory import return_freed_memory
from tests.benchmarks.measuring import (
    can_measure_memory,
    in_fresh_process,
    peak_kib,
    reset_peak,
)


def measure(window: int, regions: int, recomputed: int) -> None:
    """Print the bytes that a pass over so many regions adds to the process."""
    return_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = PixelMamba(PixelMambaConfig.of_size("6m")).train()
    model.recomputed = recomputed
    model.forward_features(torch.randn(1, 3, 16, 16), 0).sum().backward()  # kernels, gradients
    reset_peak()
    before = peak_kib()
    pixels = torch.randn(regions, 3, window, window)
    model.forward_features(pixels, 0).sum().backward()
    print((peak_kib() - before) * 1024)


def compared(window: int, regions: int, recomputed: int) -> tuple[int, int]:
    """Measured and modelled bytes."""
    call = f"measure({window}, {regions}, {recomputed})"
    measured = in_fresh_process(f"from tests.benchmarks.slide_memory import measure; {call}")
    load = Load(PixelMambaConfig.of_size("6m"), window, recomputed)
    return int(measured), load.peak(regions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", type=int, default=224)
    parser.add_argument("--regions", default="4,8")
    parser.add_argument("--recompute", default="0,4,24")
    options = parser.parse_args()
    assert can_measure_memory(), "only Linux tells a process's peak"
    print(f"Pixel-Mamba 6M, {options.window} px, float32: MiB measured, modelled, ratio")
    for recomputed in map(int, options.recompute.split(",")):
        for regions in map(int, options.regions.split(",")):
            measured, modelled = compared(options.window, regions, recomputed)
            ratio = modelled / measured
            print(
                f"recompute {recomputed:>2}  {regions:>3} regions  {measured / 2**20:>7.1f}"
                f"  {modelled / 2**20:>7.1f}  {ratio:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
