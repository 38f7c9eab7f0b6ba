"""How much memory a step of a training takes with a slide of so many regions (``Load``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.memory import FLOAT, Load, block_weights

GIB = 1 << 30
TRAINED = 4  # a weight, its gradient and AdamW's two moments


def parameters(config: PixelMambaConfig) -> int:
    """Weights of a Pixel-Mamba without a head."""
    return 3 + config.num_features + sum(block_weights(config, dim) for dim in config.dims)


def supervised_bytes(load: Load, regions: int) -> int:
    """Most bytes of a step of fine-tuning; slides of a step come one after the other."""
    return load.peak(regions) + FLOAT * TRAINED * parameters(load.config)


def latentmim_bytes(load: Load, regions: int, mask_ratio: float, width: int, depth: int) -> int:
    """Most bytes of a step of LatentMIM: the student's visible regions, or the teacher's others."""
    hidden = min(max(round(mask_ratio * regions), 1), regions - 1)
    visible = regions - hidden
    tokens, _ = last_grid(load)
    asked, seen = load.left(hidden) * tokens, load.left(visible) * tokens
    # a block keeps about 14 D of a query and 4 D of a visible token; a chunk of comparisons thrice
    predictor = FLOAT * width * depth * (14 * asked + 4 * seen)
    predictor += FLOAT * 3 * min(asked, 4096) * asked
    weights = parameters(load.config) * (TRAINED + 1) + TRAINED * 12 * depth * width**2
    held = load.kept(visible) + load.pixels(regions)
    most = max(load.peak(visible), held + load.forward(hidden), held + predictor)
    return most + FLOAT * weights


def dino_bytes(load: Load, views: Sequence[int], large: int, head: int) -> int:
    """Most bytes of a step of DINO: the graphs of all views live at once.

    views: regions of each, the ``large`` ones first; head: weights of its head.
    """
    kept = sum(load.kept(view) + load.pixels(view) for view in views)
    working = max(load.peak(view) - load.kept(view) for view in views)
    working = max(working, max(load.forward(view) for view in views[:large]))
    return kept + working + FLOAT * (parameters(load.config) + head) * (TRAINED + 1)


def last_grid(load: Load) -> tuple[int, int]:
    """Spatial tokens of a region in the end, and their channels."""
    rows, columns = load.config.grid(load.window)
    return rows * columns, load.config.num_features


def with_recomputed(load: Load, layers: int) -> Load:
    """The same with other layers computed again."""
    return replace(load, recomputed=layers)
