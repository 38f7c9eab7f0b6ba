"""The dye maps on which tissue is drawn, and noise.

Places are (x, y) in pixels of the sheet, x to the right, y down. Amounts of dye are 0..255.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

MPP = 0.5  # µm per pixel of a sheet that is drawn at scale 1
SUBPIXEL = 4  # binary digits of OpenCV's fixed-point places


@dataclass(frozen=True)
class Sheet:
    """Two maps of dye, (H, W) uint8, that are drawn on."""

    haematoxylin: np.ndarray
    eosin: np.ndarray
    scale: float = 1.0  # pixels per 0.5 µm

    @classmethod
    def blank(cls, width: int, height: int, scale: float = 1.0) -> Sheet:
        """Bare glass."""
        return cls(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8), scale)

    @property
    def width(self) -> int:
        return int(self.eosin.shape[1])

    @property
    def height(self) -> int:
        return int(self.eosin.shape[0])

    def ellipse(
        self, x: float, y: float, long: float, short: float, angle: float, h: int, e: int
    ) -> None:
        """A filled ellipse with half axes in pixels, turned by radians, in two amounts of dye."""
        middle = (round(x * 16), round(y * 16))
        axes = (max(round(long * 16), 1), max(round(short * 16), 1))
        for dye, amount in ((self.haematoxylin, h), (self.eosin, e)):
            cv2.ellipse(
                dye, middle, axes, math.degrees(angle), 0, 360, amount, -1, cv2.LINE_AA, SUBPIXEL
            )

    def area(self, points: np.ndarray, h: int, e: int) -> None:
        """A filled outline of places (N, 2)."""
        fixed = [np.round(points * 16).astype(np.int32)]
        cv2.fillPoly(self.haematoxylin, fixed, (h,), cv2.LINE_AA, SUBPIXEL)
        cv2.fillPoly(self.eosin, fixed, (e,), cv2.LINE_AA, SUBPIXEL)

    def line(self, points: np.ndarray, h: int, e: int, width: int, closed: bool = False) -> None:
        """A line through places (N, 2)."""
        fixed = [np.round(points * 16).astype(np.int32)]
        for dye, amount in ((self.haematoxylin, h), (self.eosin, e)):
            cv2.polylines(dye, fixed, closed, (amount,), width, cv2.LINE_AA, SUBPIXEL)


def smooth_noise(
    rng: np.random.Generator, rows: int, columns: int, cell: float, stretch: float = 1.0
) -> np.ndarray:
    """Noise (rows, columns) float32 of about unit spread that varies over ``cell`` samples, and
    over ``stretch`` times as many along x."""
    shape = (int(rows / cell) + 4, int(columns / (cell * stretch)) + 4)
    small = rng.standard_normal(shape).astype(np.float32)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)


def scattered(
    rng: np.random.Generator,
    bounds: tuple[float, float, float, float],
    spacing: float,
    jitter: float,
) -> np.ndarray:
    """Places (N, 2) within bounds (left, top, right, bottom): rows shifted against each other,
    each place moved at random by a normal share ``jitter`` of the spacing."""
    left, top, right, bottom = bounds
    step = spacing * 0.87
    rows = np.arange(top, bottom + step, step)
    columns = np.arange(left, right + spacing, spacing)
    x, y = np.meshgrid(columns, rows)
    x = x + np.where(np.arange(len(rows)) % 2, spacing / 2, 0.0)[:, None]
    places = np.stack([x.ravel(), y.ravel()], 1)
    places = places + rng.normal(0, jitter * spacing, places.shape)
    inside = (places >= (left, top)).all(1) & (places < (right, bottom)).all(1)
    return places[inside]
