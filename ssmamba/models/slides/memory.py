"""How much memory a pass over so many regions takes, counted layer by layer.

What autograd keeps of each block is counted from its tensors; a test counts them in a real block.
On top comes what the backward pass of one block holds at once. A layer that is computed again keeps
its input, and states at the borders of its segments (``segments.py``).

n regions, t tokens of a region, C channels of a token, I = expand · C, N states, G = 2 directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ssmamba.kernels.layout import is_narrow, padded_lanes
from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.fusion import regions_by_layer

FLOAT, DIRECTIONS = 4, 2  # bytes; G
LANES, STEPS, STATES = 16, 32, 8  # of the scan: channels and steps between kept states, padding
MOST_LOOKED_FOR = 1 << 20  # regions
SEGMENT, SEGMENT_GPU = 1 << 21, 1 << 26  # about how many floats a segment works with
LEAST_SEGMENT = 64  # tokens


def block_weights(config: PixelMambaConfig, dim: int) -> int:
    """Weights of a block of ``dim`` channels."""
    inner, rank = config.expand * dim, math.ceil(dim / 16)
    low = DIRECTIONS * (rank + 2 * config.d_state)
    projections = dim + 2 * dim * inner + inner * low + inner * dim
    return projections + inner * (config.conv_width + 1 + DIRECTIONS * (rank + config.d_state + 2))


def segment_tokens(dim: int, floats: int) -> int:
    """Tokens of a segment of a layer that is computed again, for about so many floats at once."""
    return max(floats // (64 + 24 * dim), LEAST_SEGMENT)


@dataclass(frozen=True)
class Load:
    """What is held of one slide in a step."""

    config: PixelMambaConfig
    window: int  # px
    recomputed: int = 0  # first layers that are computed again
    half: bool = False  # bf16 or float16 arithmetic
    segment: int = SEGMENT  # of layers that are computed again, see ``segment_tokens``

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
        layers = enumerate(self.regions(regions))
        return self.pixels(regions) + max(self._passing(layer, n) for layer, n in layers)

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
        own = 2.5 * dim + 1 + 6.5 * inner if self.half else 3 * dim + 1 + 9 * inner
        return own + self._low(dim) + self._states(dim)

    def _kept(self, layer: int, regions: int) -> int:
        tokens, dim = self.shapes[layer]
        if layer >= self.recomputed:
            return round(FLOAT * regions * tokens * self.saved(dim))
        borders = -(-regions * tokens // segment_tokens(dim, self.segment))
        states = borders * DIRECTIONS * self._inner(dim) * self.config.d_state
        return FLOAT * (regions * tokens * dim + states)

    def _working(self, layer: int, regions: int) -> int:
        """What the backward pass of a block holds beside what was kept, at the scan's gradients.

        Gradients of the block's output and input, of u, y, delta, the gate, B and C, less y, the
        gate and their product, which are free by then. Of a layer that is computed again, the
        first two, y and the gradient of u of one direction, and a segment's work.
        """
        tokens, dim = self.shapes[layer]
        own = 2 * dim + 2 * self._inner(dim)
        if layer < self.recomputed:
            return FLOAT * regions * tokens * own + self._in_segment(layer, regions)
        return FLOAT * regions * tokens * (own + 2 * DIRECTIONS * self.config.d_state)

    def _passing(self, layer: int, regions: int) -> int:
        """What a layer holds in a pass without gradients."""
        tokens, dim = self.shapes[layer]
        if layer < self.recomputed:  # expansion and fusion hold the most
            return FLOAT * regions * tokens * 6 * dim + self._in_segment(layer, regions)
        return FLOAT * regions * tokens * (3 * dim + 6 * self._inner(dim) + self._low(dim))

    def _in_segment(self, layer: int, regions: int) -> int:
        """What a segment's backward pass works with at the scan's gradients, in float32.

        4 C + 1 of the norm and the block's input, 17 I of everything of the scan's width, R + 2N
        of dt, B and C, 4 N of B and C as the scan takes them and of their gradients, and states.
        """
        tokens, dim = self.shapes[layer]
        length = min(regions * tokens, segment_tokens(dim, self.segment))
        floats = 4 * dim + 1 + 17 * self._inner(dim) + 4 * self.config.d_state
        one_way = (self._low(dim) + self._states(dim)) / DIRECTIONS
        weights = 2 * block_weights(self.config, dim)  # gradients of the segment, and of all so far
        return FLOAT * (round(length * (floats + one_way)) + weights)

    def _inner(self, dim: int) -> int:
        return self.config.expand * dim

    def _states(self, dim: int) -> float:
        """Floats a token of the states that the scan keeps (``ops.cpu.scan.kept_shape``)."""
        inner, states = self._inner(dim), self.config.d_state
        if is_narrow(inner, states):
            return DIRECTIONS * inner * padded_lanes(states) / STEPS
        padded = -(-states // STATES) * STATES
        return DIRECTIONS * -(-inner // LANES) * LANES * padded / STEPS

    def _low(self, dim: int) -> int:
        """Floats a token of dt, B and C."""
        return DIRECTIONS * (math.ceil(dim / 16) + 2 * self.config.d_state)


def most_regions(needed: Callable[[int], float], memory: int) -> int:
    """The most regions whose ``needed(regions)`` bytes are within ``memory``; 0 = not even two."""
    low, high = 1, 2
    while high < MOST_LOOKED_FOR and needed(high) <= memory:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= memory else (low, middle)
    return low if low > 1 else 0
