"""By how much a level of a slide is smaller than its finest one.

The ratio of the sides does not tell: sides are rounded to whole pixels, which counts on the short
side of a thin slide, and scanners that do not cut the last tiles (Philips) write sides that are
padded to whole tiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

Size = tuple[int, int]  # width, height
MOST_HALVINGS = 15


@dataclass(frozen=True)
class Shrinkage:
    """How a level lies on the finest one."""

    downsample: float  # finest pixels a pixel
    is_padded: bool = False  # to whole tiles, beyond the picture's own edge

    def size(self, base: Size, level: Size) -> Size:
        """The part of a level of that size that shows the picture."""
        if not self.is_padded:
            return level
        width, height = (math.ceil(side / self.downsample) for side in base)
        return min(width, level[0]), min(height, level[1])


def shrinkage(
    base: Size, level: Size, tile: Size | None = None, told: float | None = None
) -> Shrinkage | None:
    """By how much ``level`` is smaller than ``base``, both in pixels.

    tile: of the level, if it has tiles. told: the factor that the file says, by the sizes of its
    pixels; it decides where the sides allow several. None where the sides allow none, or several
    without a word of the file.
    """
    if level[0] >= base[0] and level[1] >= base[1]:
        return None
    low, high = _rounded_sides(base, level)
    if low <= high and told is not None and low <= told <= high:
        return Shrinkage(_likeliest(base, level, low, high))
    padded = [] if tile is None else list(_paddings(base, level, tile, told))
    if told is not None:
        near = [factor for factor in padded if abs(factor / told - 1) < 0.05]
        if near:
            return Shrinkage(near[0], is_padded=True)
    if low <= high and (not padded or _whole(base, level, low, high) is not None):
        return Shrinkage(_likeliest(base, level, low, high))
    return Shrinkage(padded[0], is_padded=True) if len(padded) == 1 else None


def _rounded_sides(base: Size, level: Size) -> tuple[float, float]:
    """The least and the largest factor by which both sides could be shortened, and rounded."""
    low = max(whole / (part + 1) for whole, part in zip(base, level, strict=True))
    high = min(whole / max(part - 1, 0.5) for whole, part in zip(base, level, strict=True))
    return low, high


def _likeliest(base: Size, level: Size, low: float, high: float) -> float:
    """A power of 2 or else a whole number, where the range has one."""
    return _whole(base, level, low, high) or min(max(_ratio(base, level), low), high)


def _whole(base: Size, level: Size, low: float, high: float) -> float | None:
    power = 2.0 ** math.ceil(math.log2(low))
    whole = power if power <= high else float(round(_ratio(base, level)))
    return whole if low <= whole <= high else None


def _ratio(base: Size, level: Size) -> float:
    """Of the longer side, which rounding changed least."""
    whole, part = max(zip(base, level, strict=True))
    return whole / part


def _paddings(base: Size, level: Size, tile: Size, told: float | None) -> Iterable[float]:
    """Factors after which the sides, padded to whole tiles, are those of the level."""
    factors = {2**power for power in range(1, MOST_HALVINGS + 1)}
    if told is not None and told > 1:
        factors.add(round(told))
    for factor in sorted(factors):
        shortened = [(side // factor, math.ceil(side / factor)) for side in base]
        if all(
            any(math.ceil(max(part, 1) / one) * one == side for part in parts)
            for parts, one, side in zip(shortened, tile, level, strict=True)
        ):
            yield float(factor)
