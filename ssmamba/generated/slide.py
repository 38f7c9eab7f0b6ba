"""The demo slide: where which tissue lies, and the regions that come with it.

Places are level-0 pixels of 0.5 µm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ssmamba.generated.scenes import (
    COLORS,
    CROWDED,
    FIBROUS,
    NAMES,
    REGULAR,
    ROUND,
    Bounds,
    Painter,
    dust,
    fill,
    vary,
)
from ssmamba.generated.sheet import Sheet, smooth_noise
from ssmamba.generated.stroma import COARSE
from ssmamba.rois.roi import Roi

SEED = 7  # of the demo slide; none of those that training may draw (patches.SEEDS)
WIDTH, HEIGHT = 10_240, 7_168
TILE = 2048  # pixels after which the fibres repeat
BORDER_X = 7400  # left of it crowded glands, right of it fibrous tissue
UNSHARP = (2050.0, 2850.0, 520.0)  # x, y, radius of the area out of focus
UNSHARP_SIGMA = 4.5
STROKE = ((7350, 6020), (7900, 5660), (8450, 5100), (8900, 4760))  # of the pen
STROKE_WIDTH = 420
FOLD = ((5000, 900), (5120, 1700), (5060, 2600), (5190, 3500), (5120, 4000))
FOLD_WIDTH = 90


@dataclass(frozen=True)
class Disc:
    """Where one kind of tissue lies."""

    kind: str
    x: float
    y: float
    radius: float

    @property
    def bounds(self) -> Bounds:
        r = self.radius
        return self.x - r, self.y - r, self.x + r, self.y + r

    def holds(self, places: np.ndarray) -> np.ndarray:
        x, y = places[:, 0] - self.x, places[:, 1] - self.y
        angle = np.arctan2(y, x)
        uneven = 0.05 * np.sin(3 * angle + self.x) + 0.035 * np.sin(7 * angle + self.y)
        return np.hypot(x, y) < self.radius * (0.93 + uneven)


AREAS = (
    Disc(REGULAR, 2850, 2700, 1400),
    Disc(CROWDED, 6600, 2550, 1500),
    Disc(ROUND, 4800, 5150, 760),
)


@dataclass(frozen=True)
class DemoSlide:
    """The drawn slide: dye, and ink on its coverslip as (H, W) uint8."""

    sheet: Sheet
    ink: np.ndarray


def demo_regions() -> list[Roi]:
    """The regions that come with the demo; those of one known tissue carry its class."""
    return [
        _known("demo-regular", REGULAR, 3300, 2560, 420),
        _known("demo-crowded", CROWDED, 6350, 2450, 440),
        _known("demo-round", ROUND, 4800, 5120, 380),
        _known("demo-fibrous", FIBROUS, 6650, 4950, 400),
        _square("demo-border", "Border: crowded glands left, fibrous tissue right", 400),
        _loop("demo-glass", "Glass", 900, 6350, 360),
        _loop("demo-pen", "Pen stroke", 8170, 5380, 190),
        _loop("demo-blur", "Out of focus", UNSHARP[0], UNSHARP[1], 330),
    ]


def draw_slide(progress: Callable[[float], None] = lambda share: None) -> DemoSlide:
    """Draw all of it; a few seconds. progress is called with the finished share, 0..1."""
    rng = np.random.default_rng(SEED)
    painter = Painter.made(rng, TILE)
    sheet = Sheet.blank(WIDTH, HEIGHT)
    shape = _tissue_shape(rng)
    painter.ground(sheet, smooth_noise(rng, HEIGHT // COARSE, WIDTH // COARSE, 30), shape)
    progress(0.25)
    for number, disc in enumerate(AREAS):
        fill(painter, sheet, disc.kind, disc.bounds, _within(disc, shape))
        progress(0.35 + 0.15 * number)
    painter.between(sheet)
    progress(0.8)
    _fold(sheet)
    vary(rng, sheet)
    _unsharp(sheet)
    dust(rng, sheet, per_mm2=3.0)
    progress(1.0)
    return DemoSlide(sheet, _ink())


def _within(disc: Disc, shape: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def inside(places: np.ndarray) -> np.ndarray:
        x, y = (places.T // COARSE).astype(int)
        x, y = np.clip(x, 0, shape.shape[1] - 1), np.clip(y, 0, shape.shape[0] - 1)
        found = disc.holds(places) & (shape[y, x] > 0.95)
        return found & (places[:, 0] < BORDER_X - 60) if disc.kind == CROWDED else found

    return inside


def _tissue_shape(rng: np.random.Generator) -> np.ndarray:
    """Share of tissue on the coarse grid, (rows, columns) float32 0..1: ragged, with tears."""
    rows, columns = HEIGHT // COARSE, WIDTH // COARSE
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    reach = np.hypot((x / columns - 0.5) / 0.44, (y / rows - 0.49) / 0.42)
    ragged = 0.06 * smooth_noise(rng, rows, columns, 60) + 0.02 * smooth_noise(
        rng, rows, columns, 14
    )
    tears = (smooth_noise(rng, rows, columns, 9, stretch=4) > 2.3) & (reach > 0.72)
    inside = np.clip((1.0 - reach + ragged) * 40.0, 0.0, 1.0)
    return cv2.GaussianBlur(np.where(tears, 0.0, inside).astype(np.float32), (0, 0), 0.7)


def _fold(sheet: Sheet) -> None:
    """A narrow band where the tissue lies double: darker, with sharp edges."""
    points = np.array(FOLD)
    left, top = points.min(0) - FOLD_WIDTH
    right, bottom = points.max(0) + FOLD_WIDTH
    band = np.zeros((bottom - top, right - left), np.uint8)
    curve = _smooth_curve(points - (left, top))
    cv2.polylines(band, [curve], False, (255,), FOLD_WIDTH, cv2.LINE_AA)
    share = cv2.GaussianBlur(band, (0, 0), 2.0).astype(np.float32) / 255.0
    part = (slice(top, bottom), slice(left, right))
    beside = (part[0], slice(left + 2 * FOLD_WIDTH, right + 2 * FOLD_WIDTH))
    for dye in (sheet.haematoxylin, sheet.eosin):
        dye[part] = np.clip(dye[part] + 0.85 * share * dye[beside], 0, 255)


def _smooth_curve(points: np.ndarray) -> np.ndarray:
    """Corners (N, 2) rounded off (Chaikin), (M, 2) int32."""
    places = points.astype(float)
    for _ in range(4):
        a, b = places[:-1], places[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], 1).reshape(-1, 2)
        places = np.concatenate([places[:1], cut, places[-1:]])
    return np.round(places).astype(np.int32)


def _unsharp(sheet: Sheet) -> None:
    """Blur a disc, the more the nearer to its middle."""
    x, y, radius = UNSHARP
    left, top, side = int(x - radius), int(y - radius), int(2 * radius)
    part = (slice(top, top + side), slice(left, left + side))
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) - radius
    share = np.clip((radius - np.hypot(u, v)) / (0.25 * radius), 0.0, 1.0)
    for dye in (sheet.haematoxylin, sheet.eosin):
        soft = cv2.GaussianBlur(dye[part], (0, 0), UNSHARP_SIGMA)
        dye[part] = np.round(dye[part] * (1 - share) + soft * share).astype(np.uint8)


def _ink() -> np.ndarray:
    """A felt pen's stroke, thicker along its edges."""
    ink = np.zeros((HEIGHT, WIDTH), np.uint8)
    curve = _smooth_curve(np.array(STROKE))
    cv2.polylines(ink, [curve], False, (215,), STROKE_WIDTH, cv2.LINE_AA)
    cv2.polylines(ink, [curve], False, (185,), STROKE_WIDTH - 60, cv2.LINE_AA)
    return ink


def _known(roi_id: str, kind: str, x: float, y: float, radius: float) -> Roi:
    name = NAMES[kind]
    return _loop(roi_id, name, x, y, radius).classified(name, COLORS[kind])


def _loop(roi_id: str, name: str, x: float, y: float, radius: float) -> Roi:
    """A slightly uneven ring, as a hand would draw it."""
    ring = []
    for step in range(28):
        angle = 2 * math.pi * step / 28
        reach = radius * (1 + 0.06 * math.sin(3 * angle + x) + 0.04 * math.sin(5 * angle + y))
        px, py = x + reach * math.cos(angle), y + 0.85 * reach * math.sin(angle)
        ring.append((round(px, 1), round(py, 1)))
    return Roi(((tuple(ring),),), id=roi_id, name=name)


def _square(roi_id: str, name: str, half: float) -> Roi:
    """A square whose middle line is the border."""
    x, y = BORDER_X, AREAS[1].y
    ring = ((x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half))
    return Roi(((ring,),), kind="rectangle", id=roi_id, name=name)
