"""Whether a step fits into memory, said before a run (see memory.py for how it is counted)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from ssmamba.models.slides.config import SIZES, PixelMambaConfig
from ssmamba.models.slides.memory import SEGMENT, SEGMENT_GPU, Load, most_regions
from ssmamba.ops import dispatch
from ssmamba.runtime.memory import free_memory
from training.loop.progress import console
from training.slides.config import SlideFinetuneConfig, SlidePretrainConfig
from training.slides.memory import (
    GIB,
    dino_bytes,
    latentmim_bytes,
    supervised_bytes,
    with_recomputed,
)

# What a process needs over what its tensors need: scratch of oneDNN, gaps between blocks (seen at
# 64 px on a CPU: 1.2); of a GPU's allocator, gaps alone
MARGIN_CPU, MARGIN_GPU = 1.25, 1.1
LARGE_VIEWS, LOCAL_SHARE = 2, 0.4  # of DINO, at most
BOTTLENECK = 256  # of DINO's head

AnyConfig = SlideFinetuneConfig | SlidePretrainConfig
Needed = Callable[[int], int]  # bytes of a step by the regions of its slide


def tell_fit(config: AnyConfig, largest: int, device: torch.device) -> None:
    """Print ``told_fit``."""
    if told := told_fit(config, largest, device):
        console.print(told)


def told_fit(config: AnyConfig, largest: int, device: torch.device) -> str:
    """A sentence on the largest slide, of so many regions, and how many would fit.

    "" for models whose memory is not counted, those that are no Pixel-Mamba.
    """
    size = config.model.removeprefix("pixel-mamba-")
    if size == config.model or size not in SIZES:
        return ""
    if dispatch.kernels_for(torch.zeros(1, 1, 1, device=device)) is None:
        return (
            "Memory is not predicted: the plain scan, which runs here, takes many times as much as "
            "the compiled one."
        )
    architecture = PixelMambaConfig.of_size(size, alpha=config.alpha)
    half = config.precision != "32-true"
    segment = SEGMENT_GPU if device.type == "cuda" else SEGMENT
    load = Load(architecture, config.window, config.recompute, half, segment)
    regions = min(largest, config.most_regions) if config.most_regions else largest
    need = needed(config, load, device)(regions)
    told = (
        f"A step with the largest slide ({regions} regions of {config.window} px) needs about "
        f"{_gib(need)}"
    )
    free = free_memory(device)
    if free is None:
        return f"{told}."
    fitting = most_regions(needed(config, load, device), free)
    room = f"{_gib(free)} are free, enough for {fitting} regions" if fitting else _gib(free)
    if need <= free:
        return f"{told}; {room}."
    layers = architecture.depth
    more = most_regions(needed(config, with_recomputed(load, layers), device), free)
    smaller = f"give --most-regions {fitting}" if fitting else "give a smaller --window"
    if config.recompute >= layers or more <= fitting:
        return f"Careful: {told}, and {room}: {smaller}."
    return (
        f"Careful: {told}, and {room}: {smaller}, or --recompute {layers}, with which {more} fit."
    )


def needed(config: AnyConfig, load: Load, device: torch.device) -> Needed:
    """Bytes of a step of the run, with what a process needs besides its tensors."""
    margin = MARGIN_GPU if device.type == "cuda" else MARGIN_CPU
    count = _counted(config, load)
    return lambda regions: round(margin * count(regions))


def _counted(config: AnyConfig, load: Load) -> Needed:
    if isinstance(config, SlideFinetuneConfig):
        return partial(supervised_bytes, load)
    if config.method == "latentmim":
        predictor = config.mask_ratio, config.predictor_dim, config.predictor_depth
        return lambda regions: latentmim_bytes(load, regions, *predictor)
    features, hidden = load.config.num_features, config.head_dim
    head = features * hidden + hidden**2 + BOTTLENECK * (hidden + config.prototypes)
    return lambda regions: dino_bytes(
        load, views_of(regions, config.local_views), LARGE_VIEWS, head
    )


def views_of(regions: int, local: int) -> list[int]:
    """Regions of DINO's views at most, the large ones first."""
    return [regions] * LARGE_VIEWS + [max(int(LOCAL_SHARE * regions), 1)] * local


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
