"""Colour maps as 256 × 3 uint8 tables, made here without a plotting library.

The perceptual maps are smooth ramps through hand-chosen anchors in Oklab (B. Ottosson, 2020), so
their lightness rises evenly; "turbo" runs through the hues and is for finding contours only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# name -> sRGB anchors (0..255), evenly spaced from low to high
_ANCHORS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "inferno": ((4, 3, 18), (72, 13, 104), (158, 40, 96), (229, 92, 48), (251, 177, 40),
                (252, 254, 164)),
    "viridis": ((68, 2, 84), (66, 62, 133), (46, 111, 142), (34, 158, 134), (110, 205, 88),
                (252, 230, 40)),
    "magma": ((4, 3, 18), (66, 18, 118), (145, 42, 128), (224, 78, 98), (254, 160, 109),
              (252, 252, 190)),
    "turbo": ((50, 24, 74), (66, 110, 242), (32, 200, 214), (84, 246, 106), (200, 236, 52),
              (253, 164, 49), (226, 70, 12), (122, 8, 4)),
    "blue-red": ((40, 82, 168), (130, 170, 220), (238, 238, 238), (226, 148, 124), (172, 34, 42)),
    "gray": ((0, 0, 0), (255, 255, 255)),
}  # fmt: skip

COLORMAPS: tuple[str, ...] = tuple(_ANCHORS)

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@lru_cache(maxsize=len(_ANCHORS))
def lookup_table(name: str) -> np.ndarray:
    """The colours of a map from low to high, (256, 3) uint8 sRGB, read-only. Raises KeyError."""
    anchors = _to_oklab(np.array(_ANCHORS[name], np.float64) / 255.0)
    at = np.linspace(0.0, len(anchors) - 1.0, 256)
    lab = np.stack([_smooth(at, anchors[:, channel]) for channel in range(3)], axis=1)
    table = np.round(_from_oklab(lab).clip(0.0, 1.0) * 255.0).astype(np.uint8)
    table.setflags(write=False)
    return table


def _smooth(at: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Interpolate by a cubic Hermite curve whose slopes keep it from overshooting a knot."""
    steps = np.diff(knots)
    slopes = np.zeros_like(knots)
    slopes[0], slopes[-1] = steps[0], steps[-1]
    same_way = steps[:-1] * steps[1:] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = 2.0 / (1.0 / steps[:-1] + 1.0 / steps[1:])
    slopes[1:-1] = np.where(same_way, harmonic, 0.0)
    left = np.minimum(at.astype(int), len(knots) - 2)
    t = at - left
    return (
        (1 + 2 * t) * (1 - t) ** 2 * knots[left]
        + t * (1 - t) ** 2 * slopes[left]
        + t**2 * (3 - 2 * t) * knots[left + 1]
        + t**2 * (t - 1) * slopes[left + 1]
    )


def _to_oklab(srgb: np.ndarray) -> np.ndarray:
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def _from_oklab(lab: np.ndarray) -> np.ndarray:
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T
    linear = linear.clip(0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
