"""How much memory a step takes with a slide of so many regions, counted layer by layer.

What autograd keeps of each block is counted from its tensors; a test counts them in a real block.
On top comes what the backward pass of one block holds at once.

n regions, t tokens of a region, C channels of a token, I = expand · C, N states, G = 2 directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.fusion import regions_by_layer

FLOAT, DIRECTIONS = 4, 2  # bytes; G
LANES, STEPS, STATES = 16, 32, 8  # of the scan: channels and steps between kept states, padding
GIB = 1 << 30
TRAINED = 4  # a weight, its gradient and AdamW's two moments
MOST_LOOKED_FOR = 1 << 20  # regions


@dataclass(frozen=True)
class Load:
    """What is held of one slide in a step."""

    config: PixelMambaConfig
    window: int  # px
    recomputed: int = 0  # first layers that are computed again
    half: bool = False  # bf16 or float16 arithmetic

    def kept(self, regions: int) -> int:
        """Bytes that the forward pass leaves for the backward pass."""
        return sum(self._kept(layer, n) for layer, n in enumerate(self.regions(regions)))

    def peak(self, regions: int) -> int:
        """Most bytes at once of a forward and backward pass over ``regions``, without weights."""
        found, below = 0, 0
        for layer, n in enumerate(self.regions(regions)):
            below += self._kept(layer, n)
            found = max(found, below + self._working(layer, n))
        return found + self.pixels(regions)

    def forward(self, regions: int) -> int:
        """Most bytes at once of a forward pass without gradients."""
        shapes = zip(self.regions(regions), self.shapes, strict=True)
        return self.pixels(regions) + max(
            FLOAT * n * t * (3 * c + 6 * self._inner(c) + self._low(c)) for n, (t, c) in shapes
        )

    def pixels(self, regions: int) -> int:
        """The regions themselves, float32."""
        return FLOAT * 3 * regions * self.window**2

    def regions(self, count: int) -> list[int]:
        """How many are left before each layer."""
        return regions_by_layer(count, self.config.alpha, self.config.depth)[:-1]

    def left(self, count: int) -> int:
        """How many are left in the end."""
        return regions_by_layer(count, self.config.alpha, self.config.depth)[-1]

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """Tokens of a region, class token included, and their channels, before each layer."""
        height = width = self.window
        found = []
        for kind, dim in zip(self.config.expansions, self.config.dims, strict=True):
            found.append((height * width + 1, dim))
            height = math.ceil(height / 2) if kind.startswith("v") else height
            width = math.ceil(width / 2) if kind.startswith("h") else width
        return found

    def saved(self, dim: int) -> float:
        """Floats a token that autograd keeps of a block of ``dim`` channels.

        float32: 3 C + 1 of the norm, 2 I of the input projection, I each of the convolution and
        its SiLU, G (R + 2N) of dt, B and C, G I of delta, the states every 32 steps, and I each of
        y, the gate and their product.
        """
        inner = self._inner(dim)
        padded = -(-self.config.d_state // STATES) * STATES
        states = DIRECTIONS * -(-inner // LANES) * LANES * padded / STEPS
        own = 2.5 * dim + 1 + 6.5 * inner if self.half else 3 * dim + 1 + 9 * inner
        return own + self._low(dim) + states

    def _kept(self, layer: int, regions: int) -> int:
        tokens, dim = self.shapes[layer]
        floats = dim if layer < self.recomputed else self.saved(dim)
        return round(FLOAT * regions * tokens * floats)

    def _working(self, layer: int, regions: int) -> int:
        """What the backward pass of a block holds beside what was kept, at the scan's gradients.

        Gradients of the block's output and input, of u, y, delta, the gate, B and C, less y, the
        gate and their product, which are free by then; of a layer that is computed again, also all
        that it keeps.
        """
        tokens, dim = self.shapes[layer]
        own = 2 * dim + 2 * self._inner(dim) + 2 * DIRECTIONS * self.config.d_state
        again = self.saved(dim) if layer < self.recomputed else 0.0
        return round(FLOAT * regions * tokens * (own + again))

    def _inner(self, dim: int) -> int:
        return self.config.expand * dim

    def _low(self, dim: int) -> int:
        """Floats a token of dt, B and C."""
        return DIRECTIONS * (math.ceil(dim / 16) + 2 * self.config.d_state)


def parameters(config: PixelMambaConfig) -> int:
    """Weights of a Pixel-Mamba without a head."""
    total = 3 + config.num_features
    for dim in config.dims:
        inner, rank = config.expand * dim, math.ceil(dim / 16)
        low = DIRECTIONS * (rank + 2 * config.d_state)
        total += dim + 2 * dim * inner + inner * (config.conv_width + 1) + inner * low
        total += DIRECTIONS * inner * (rank + config.d_state + 2) + inner * dim
    return total


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


def most_regions(needed: Callable[[int], int], memory: int) -> int:
    """The most regions whose ``needed(regions)`` bytes are within ``memory``; 0 = not even two."""
    low, high = 1, 2
    while high < MOST_LOOKED_FOR and needed(high) <= memory:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= memory else (low, middle)
    return low if low > 1 else 0


def with_recomputed(load: Load, layers: int) -> Load:
    """The same with other layers computed again."""
    return replace(load, recomputed=layers)
