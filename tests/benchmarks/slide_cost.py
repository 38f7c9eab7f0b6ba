"""What a step costs with 1, 2, 4, … regions: Pixel-Mamba beside Vim-Ti and a ViT of its tokens.

``python -m tests.benchmarks.slide_cost [--window 224] [--most 8] [--most-small 32] [--only 16]``;
Linux only.
Processor time of one thread and peak memory of a forward and a backward pass, each model in a
process of its own; the exponent is that of a power law through the last two sizes (1 = linear, 2 =
quadratic).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ssmamba.models.slides.config import PixelMambaConfig, VimConfig
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.vim import Vim
from ssmamba.runtime.memory import return_freed_memory
from tests.benchmarks.measuring import (
    can_measure_memory,
    in_fresh_process,
    peak_kib,
    processor,
    reset_peak,
)

MODELS = {  # name -> whether its tokens are patches of 16 px, so that more regions are affordable
    "Pixel-Mamba 6M": False,
    "Pixel-Mamba 6M, no fusion": False,
    "Pixel-Mamba 6M, all layers again": False,
    "Vim-Ti, 16 px": True,
    "ViT-Ti, 16 px, all tokens at once": True,
}
REPEAT = 2


class PlainViT(nn.Module):
    """ViT-Ti over the patches of all regions as one sequence, without positions."""

    def __init__(self, dim: int = 192, depth: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 16, stride=16)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 4 * dim, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)

    def forward_features(self, regions: Tensor, seed: int = 0) -> Tensor:
        """(N, 3, H, W) -> (dim,)."""
        return self.layers(self.patch(regions).flatten(2).mT.flatten(0, 1)[None]).mean((0, 1))


def build(name: str, window: int) -> nn.Module:
    if name.startswith("Pixel-Mamba"):
        alpha = 0.0 if "no fusion" in name else PixelMambaConfig.alpha
        model = PixelMamba(PixelMambaConfig.of_size("6m", alpha=alpha))
        model.recomputed = 24 if "again" in name else 0
        return model
    return Vim(VimConfig(window=window)) if name.startswith("Vim") else PlainViT()


def measure(name: str, window: int, counts: list[int]) -> None:
    """Print [[seconds, bytes], …] of a step with so many regions."""
    return_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = build(name, window).train()
    step: Callable[[Tensor], None] = lambda pixels: (  # noqa: E731
        model.forward_features(pixels, 0).sum().backward()
    )
    step(torch.randn(1, 3, window, window))  # kernels, gradients
    found = []
    for count in counts:
        pixels = torch.randn(count, 3, window, window)
        reset_peak()
        before, best = peak_kib(), math.inf
        for _ in range(REPEAT):
            start = time.process_time()
            step(pixels)
            best = min(best, time.process_time() - start)
        found.append([best, (peak_kib() - before) * 1024])
    print(json.dumps(found))


def exponent(counts: list[int], values: list[float]) -> float:
    """Of a power law through the last two."""
    return math.log(values[-1] / values[-2]) / math.log(counts[-1] / counts[-2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", type=int, default=224)
    parser.add_argument("--most", type=int, default=8)
    parser.add_argument("--most-small", type=int, default=32)
    parser.add_argument("--only", default="", help="models whose names contain this")
    options = parser.parse_args()
    assert can_measure_memory(), "only Linux tells a process's peak"
    print(f"{processor()}; one thread, float32, regions of {options.window} px")
    for name, small in ((n, s) for n, s in MODELS.items() if options.only in n):
        most = options.most_small if small else options.most
        counts = [2**n for n in range(most.bit_length())]
        call = f"measure({name!r}, {options.window}, {counts})"
        output = in_fresh_process(f"from tests.benchmarks.slide_cost import measure; {call}")
        found = json.loads(output)
        seconds, sizes = [row[0] for row in found], [row[1] for row in found]
        for count, second, size in zip(counts, seconds, sizes, strict=True):
            print(
                f"{name:<36} {count:>3} regions {second:>8.2f} s {size / 2**20:>8.0f} MiB",
                flush=True,
            )
        slope = (seconds[-1] - seconds[-2]) / (counts[-1] - counts[-2])
        more = (sizes[-1] - sizes[-2]) / (counts[-1] - counts[-2]) / 2**20
        print(
            f"{name:<36} a region more: {slope:.3f} s, {more:.1f} MiB; exponents "
            f"{exponent(counts, seconds):.2f} of time, {exponent(counts, sizes):.2f} of memory",
            flush=True,
        )


if __name__ == "__main__":
    main()
