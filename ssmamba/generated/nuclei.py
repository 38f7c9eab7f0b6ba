"""Nuclei: drawn once as small stamps with a rim, chromatin and nucleoli, then set many times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ssmamba.generated.sheet import Sheet

ANGLES = 16  # directions over half a turn in which each kind is drawn
VARIANTS = 14  # nuclei of each kind and direction
RESERVE = 8192  # random numbers drawn at once


@dataclass(frozen=True)
class NucleusKind:
    """How the nuclei of one kind of cell look; ranges as (least, most), lengths in pixels at
    0.5 µm/px."""

    long: tuple[float, float]  # half axes
    short: tuple[float, float]
    dye: tuple[float, float]  # haematoxylin within
    clumps: float  # contrast of the chromatin, share of the dye
    grain: float  # size of its clumps
    rim: float  # how much darker the membrane is, share of the dye
    wobble: float = 0.04  # unevenness of the outline, share of the radius
    nucleoli: int = 0  # most
    mitoses: float = 0.0  # share that divides: a dark, ragged plate


KINDS = {
    "regular": NucleusKind((7.5, 9.5), (4.6, 5.8), (98, 128), 0.16, 1.5, 0.30),
    "crowded": NucleusKind((8.0, 13.5), (5.6, 8.6), (84, 150), 0.34, 1.9, 0.50, 0.09, 2, 0.03),
    "round": NucleusKind((5.2, 6.6), (4.9, 6.2), (138, 190), 0.26, 1.7, 0.22),
    "large": NucleusKind((7.0, 8.6), (6.0, 7.8), (78, 104), 0.36, 1.8, 0.60, 0.06, 2, 0.04),
    "spindle": NucleusKind((9.0, 15.5), (2.1, 3.3), (92, 142), 0.18, 1.3, 0.20, 0.06),
}
PINK_LEFT = 92  # most eosin within a nucleus


class Nuclei:
    """Stamps of all kinds; those of one seed and scale are alike."""

    def __init__(self, rng: np.random.Generator, scale: float = 1.0) -> None:
        self._stamps = {
            name: [
                [_stamp(rng, kind, math.pi * turn / ANGLES, scale) for _ in range(VARIANTS)]
                for turn in range(ANGLES)
            ]
            for name, kind in KINDS.items()
        }
        self._choices = rng.integers(0, VARIANTS, RESERVE).tolist()
        self._next = 0

    def set(self, sheet: Sheet, kind: str, x: float, y: float, angle: float) -> None:
        """Set one nucleus with its long axis at an angle in radians; none over the edge."""
        self._next = (self._next + 1) % RESERVE
        turn = round(angle / math.pi * ANGLES) % ANGLES
        dye, pink = self._stamps[kind][turn][self._choices[self._next]]
        side = dye.shape[0]
        left, top = round(x) - side // 2, round(y) - side // 2
        if left < 0 or top < 0 or left + side > sheet.width or top + side > sheet.height:
            return
        part = (slice(top, top + side), slice(left, left + side))
        view = sheet.haematoxylin[part]
        np.maximum(view, dye, out=view)
        view = sheet.eosin[part]
        np.minimum(view, pink, out=view)


def _stamp(
    rng: np.random.Generator, kind: NucleusKind, angle: float, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) uint8 haematoxylin, and the most eosin that is left."""
    long, short = rng.uniform(*kind.long) * scale, rng.uniform(*kind.short) * scale
    dye = rng.uniform(*kind.dye)
    if rng.random() < kind.mitoses:
        return _mitosis(rng, angle, scale)
    half = math.ceil(long * 1.2) + 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    u = (x * math.cos(angle) + y * math.sin(angle)) / long
    v = (y * math.cos(angle) - x * math.sin(angle)) / short
    around = np.arctan2(v, u)
    phases = rng.uniform(0, 2 * math.pi, 2)
    uneven = np.sin(2 * around + phases[0]) + 0.7 * np.sin(3 * around + phases[1])
    depth = (1.0 - np.hypot(u, v) * (1.0 + kind.wobble * uneven)) * short  # pixels from the rim
    inside = np.clip(depth + 0.5, 0.0, 1.0)
    chromatin = cv2.GaussianBlur(
        rng.standard_normal(x.shape).astype(np.float32), (0, 0), kind.grain * scale
    )
    chromatin /= chromatin.std() + 1e-6
    amount = dye * (1.0 + kind.clumps * chromatin)
    amount += dye * kind.rim * np.exp(-((depth / (1.3 * scale)) ** 2))
    for _ in range(int(rng.integers(0, kind.nucleoli + 1))):
        cx, cy = rng.uniform(-0.35, 0.35, 2) * (long, short)
        spot = ((u * long - cx) ** 2 + (v * short - cy) ** 2) / (1.7 * scale) ** 2
        amount += 85 * np.exp(-spot)
    h = np.clip(amount * inside, 0, 250).astype(np.uint8)
    return h, np.clip(255 - (255 - PINK_LEFT) * inside, 0, 255).astype(np.uint8)


def _mitosis(rng: np.random.Generator, angle: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    half = math.ceil(13 * scale)
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / scale
    u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    ragged = cv2.GaussianBlur(rng.standard_normal(x.shape).astype(np.float32), (0, 0), 1.0)
    plate = np.clip(3.2 - np.hypot(u / 2.6, v) + 3.0 * ragged, 0.0, 1.0)
    cell = np.clip(11.0 - np.hypot(u, v), 0.0, 1.0)
    pink = 255 - cell * 150 - plate * 40
    return (plate * 235 + cell * 14 * (1 - plate)).astype(np.uint8), pink.astype(np.uint8)
