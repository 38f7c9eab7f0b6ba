"""Kinds of tissue as the demo's models know them, and how an area is filled with one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ssmamba.generated.glands import crowded_gland, regular_gland
from ssmamba.generated.nuclei import Nuclei
from ssmamba.generated.sheet import Sheet, scattered, smooth_noise
from ssmamba.generated.stroma import COARSE, Fibres, lay_fibres, red_cell, stroma_nuclei, vessel

REGULAR, CROWDED, ROUND, FIBROUS, GLASS = (
    "regular_glands", "crowded_glands", "small_round_cells", "fibrous", "glass",
)  # fmt: skip
NAMES = {
    REGULAR: "Regular glands",
    CROWDED: "Crowded glands",
    ROUND: "Small round cells",
    FIBROUS: "Fibrous tissue",
    GLASS: "Glass",
}
COLORS = {
    REGULAR: (44, 160, 44),
    CROWDED: (214, 39, 40),
    ROUND: (31, 119, 180),
    FIBROUS: (255, 127, 14),
    GLASS: (127, 127, 127),
}
SPINDLES_PER_MM2 = 1500.0
GUESTS_PER_MM2 = 5000.0
VESSELS_PER_MM2 = 4.0

Bounds = tuple[float, float, float, float]  # left, top, right, bottom
Inside = Callable[[np.ndarray], np.ndarray]  # (N, 2) places -> (N,) bool


@dataclass(frozen=True)
class Painter:
    """What is drawn once for a sheet and used all over it."""

    rng: np.random.Generator
    nuclei: Nuclei
    fibres: Fibres
    scale: float

    @classmethod
    def made(cls, rng: np.random.Generator, tile: int, scale: float = 1.0) -> Painter:
        """tile: pixels after which the fibres repeat; scale: pixels per 0.5 µm."""
        return cls(rng, Nuclei(rng, scale), Fibres.drawn(rng, tile, scale), scale)

    def ground(self, sheet: Sheet, density: np.ndarray, share: np.ndarray) -> None:
        """Fibrous tissue all over; density and share as ``stroma.lay_fibres`` takes them."""
        lay_fibres(sheet, self.fibres, density, share)

    def between(self, sheet: Sheet) -> None:
        """What lies in fibrous tissue: vessels and nuclei. After everything else."""
        rng, s = self.rng, sheet.scale
        mm2 = sheet.width * sheet.height * (0.0005 / s) ** 2
        for _ in range(rng.poisson(mm2 * VESSELS_PER_MM2)):
            x, y = rng.uniform(0, sheet.width), rng.uniform(0, sheet.height)
            if _is_plain(sheet, x, y, 80 * s):
                angle = self.fibres.slope(np.array([x]), np.array([y]))[0]
                vessel(rng, sheet, self.nuclei, x, y, float(angle))
        self._nuclei(sheet, (0, 0, sheet.width, sheet.height), everywhere, SPINDLES_PER_MM2, 0.06)

    def glands(self, sheet: Sheet, kind: str, bounds: Bounds, inside: Inside) -> None:
        rng, s = self.rng, sheet.scale
        spacing, jitter = (236.0, 0.075) if kind == REGULAR else (188.0, 0.13)
        draw = regular_gland if kind == REGULAR else crowded_gland
        places = scattered(rng, bounds, spacing * s, jitter)
        for x, y in places[inside(places)].tolist():
            draw(rng, sheet, self.nuclei, x, y)
        if kind == REGULAR:  # lymphocytes and plasma cells live between normal glands
            self._nuclei(sheet, bounds, inside, GUESTS_PER_MM2, 0.75)

    def _nuclei(
        self, sheet: Sheet, bounds: Bounds, inside: Inside, per_mm2: float, round_share: float
    ) -> None:
        left, top = max(bounds[0], 0), max(bounds[1], 0)
        right, bottom = min(bounds[2], sheet.width), min(bounds[3], sheet.height)
        count = int((right - left) * (bottom - top) * (0.0005 / sheet.scale) ** 2 * per_mm2)
        places = self.rng.uniform((left, top), (right, bottom), (count, 2))
        places = places[inside(places)]
        stroma_nuclei(self.rng, sheet, self.fibres, self.nuclei, places, round_share)

    def round_cells(self, sheet: Sheet, bounds: Bounds, inside: Inside) -> None:
        """A dense crowd of lymphocytes with a few larger cells, on a pale net."""
        rng, s = self.rng, sheet.scale
        self._pale_net(sheet, bounds, inside)
        places = scattered(rng, bounds, 15.5 * s, 0.2)
        places = places[inside(places)]
        fate = rng.random(len(places))
        turns = rng.uniform(0, math.pi, len(places))
        for (x, y), luck, turn in zip(places.tolist(), fate.tolist(), turns.tolist(), strict=True):
            if luck < 0.93:
                self.nuclei.set(sheet, "large" if luck < 0.07 else "round", x, y, turn)
            elif luck > 0.997:
                red_cell(rng, sheet, x, y)

    def _pale_net(self, sheet: Sheet, bounds: Bounds, inside: Inside) -> None:
        left, top = max(int(bounds[0]), 0), max(int(bounds[1]), 0)
        right, bottom = min(int(bounds[2]), sheet.width), min(int(bounds[3]), sheet.height)
        step = 8
        y, x = np.mgrid[top:bottom:step, left:right:step].astype(np.float32)
        within = inside(np.stack([x.ravel(), y.ravel()], 1)).reshape(x.shape)
        size = (right - left, bottom - top)
        share = cv2.resize(cv2.GaussianBlur(within.astype(np.float32), (0, 0), 1.5), size)
        net = smooth_noise(self.rng, size[1], size[0], 5 * sheet.scale)
        part = (slice(top, bottom), slice(left, right))
        for dye, amount in ((sheet.haematoxylin, 20 + 9 * net), (sheet.eosin, 44 + 14 * net)):
            mixed = dye[part] * (1 - share) + np.maximum(amount, 0) * share
            dye[part] = np.clip(mixed, 0, 255)


def field(painter: Painter, kind: str, width: int, height: int) -> Sheet:
    """A sheet full of one kind of tissue (a key of NAMES)."""
    rng, sheet = painter.rng, Sheet.blank(width, height, painter.scale)
    if kind == GLASS:
        dust(rng, sheet, per_mm2=60.0)
        return sheet
    density = smooth_noise(rng, height // COARSE + 1, width // COARSE + 1, 30)
    painter.ground(sheet, density, np.ones_like(density))
    fill(painter, sheet, kind, (0.0, 0.0, float(width), float(height)))
    painter.between(sheet)
    vary(rng, sheet)
    return sheet


def everywhere(places: np.ndarray) -> np.ndarray:
    return np.ones(len(places), bool)


def fill(
    painter: Painter, sheet: Sheet, kind: str, bounds: Bounds, inside: Inside = everywhere
) -> None:
    """Draw one kind of tissue on fibrous ground within bounds, where ``inside`` holds."""
    if kind == ROUND:
        painter.round_cells(sheet, bounds, inside)
    elif kind in (REGULAR, CROWDED):
        painter.glands(sheet, kind, bounds, inside)


def vary(rng: np.random.Generator, sheet: Sheet, spread: float = 0.07) -> None:
    """Let thickness and both stains vary over the sheet, and give all of it a fine grain."""
    cell = 900 * sheet.scale
    grain = cv2.GaussianBlur(rng.standard_normal((1024, 1024)).astype(np.float32), (0, 0), 0.9)
    grain = 1.0 + 0.075 * grain / grain.std()
    for dye in (sheet.haematoxylin, sheet.eosin):
        coarse = smooth_noise(rng, sheet.height // 32 + 1, sheet.width // 32 + 1, cell / 32)
        gain = 1.0 + spread * np.clip(coarse, -2.2, 2.2)
        for top in range(0, sheet.height, 1024):
            rows = slice(top, min(top + 1024, sheet.height))
            some = gain[top // 32 : -(-rows.stop // 32) + 1]
            full = cv2.resize(some, (sheet.width, rows.stop - top))
            fine = np.tile(grain, (1, -(-sheet.width // 1024)))[: rows.stop - top, : sheet.width]
            dye[rows] = np.clip(dye[rows] * full * fine, 0, 255)


def dust(rng: np.random.Generator, sheet: Sheet, per_mm2: float) -> None:
    """Specks, small enough that it stays glass."""
    mm2 = sheet.width * sheet.height * (0.0005 / sheet.scale) ** 2
    for _ in range(rng.poisson(mm2 * per_mm2)):
        size = rng.uniform(0.8, 3.0)
        place = (rng.uniform(0, sheet.width), rng.uniform(0, sheet.height))
        sheet.ellipse(*place, size * rng.uniform(1, 4), size, rng.uniform(0, 3),
                      int(rng.uniform(10, 60)), int(rng.uniform(5, 50)))  # fmt: skip


def _is_plain(sheet: Sheet, x: float, y: float, reach: float) -> bool:
    """Whether there is nothing but fibres for some way around."""
    part = sheet.haematoxylin[
        max(int(y - reach), 0) : int(y + reach) : 8, max(int(x - reach), 0) : int(x + reach) : 8
    ]
    pink = sheet.eosin[int(y), int(x)]
    return bool(part.size) and float((part > 26).mean()) < 0.02 and pink > 40
