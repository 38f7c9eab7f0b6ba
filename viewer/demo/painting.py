"""Draws tissue that resembles H&E at low magnification: stroma, glands and lymphocytes.

Two maps of dye are drawn, haematoxylin and eosin (H, W) uint8, and turned into colours by a table
(Beer-Lambert law). The result depends only on one seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ssmamba.rois.roi import Roi
from viewer.text.tr import tr

WIDTH, HEIGHT = 12_000, 9_000  # level-0 pixels
MPP = 0.5
SEED = 7
COARSE = 16  # one cell of the shape maps covers so many pixels
DYES = ((0.65, 0.70, 0.29), (0.07, 0.82, 0.40))  # absorption of H and E in R, G, B


@dataclass(frozen=True)
class Tissue:
    """Dye maps, (H, W) uint8."""

    haematoxylin: np.ndarray
    eosin: np.ndarray


@dataclass(frozen=True)
class Area:
    """A disc of one kind of structure, level-0 pixels."""

    name: str
    x: float
    y: float
    radius: float


REGULAR = Area(tr("Regular glands"), 3400, 3500, 1500)
CROWDED = Area(tr("Crowded glands"), 8200, 3300, 1600)
LYMPHOID = Area(tr("Small round cells"), 5600, 6400, 800)


def demo_regions() -> list[Roi]:
    """The regions that come with the demo: one in each kind of tissue, and one in stroma."""
    return [
        _disc("demo-regular", REGULAR.name, 3300, 3400, 420),
        _disc("demo-crowded", CROWDED.name, 8250, 3250, 460),
        _disc("demo-lymphoid", LYMPHOID.name, 5600, 6380, 330),
        _disc("demo-stroma", tr("Fibrous tissue"), 8700, 6300, 380),
    ]


def _disc(roi_id: str, name: str, x: float, y: float, radius: float) -> Roi:
    """A slightly uneven ring, as a hand would draw it."""
    ring = []
    for step in range(22):
        angle = 2 * math.pi * step / 22
        reach = radius * (1 + 0.06 * math.sin(3 * angle + x) + 0.04 * math.sin(5 * angle + y))
        ring.append(
            (round(x + reach * math.cos(angle), 1), round(y + 0.85 * reach * math.sin(angle), 1))
        )
    return Roi(((tuple(ring),),), id=roi_id, name=name)


def paint_tissue(progress: Callable[[float], None] = lambda share: None) -> Tissue:
    """Draw both dye maps; about a second or two."""
    rng = np.random.default_rng(SEED)
    mask = _tissue_shape(rng)
    tissue = _stroma(rng, mask)
    progress(0.4)
    _glands(rng, tissue, REGULAR, mask, crowded=False)
    _glands(rng, tissue, CROWDED, mask, crowded=True)
    progress(0.6)
    _lymphocytes(rng, tissue, LYMPHOID)
    _stroma_nuclei(rng, tissue, mask)
    progress(1.0)
    return tissue


def color_table() -> np.ndarray:
    """(256, 256, 3) uint8 RGB of each pair of dye amounts (H, E)."""
    h = np.arange(256, dtype=np.float32)[:, None, None] / 110.0
    e = np.arange(256, dtype=np.float32)[None, :, None] / 160.0
    density = h * np.array(DYES[0], np.float32) + e * np.array(DYES[1], np.float32)
    return (np.exp(-density) * 247.0 + 3.0).astype(np.uint8)


def _smooth_noise(rng: np.random.Generator, rows: int, columns: int, cell: int) -> np.ndarray:
    """Noise (rows, columns) float32 of about unit spread that varies over ``cell`` samples."""
    small = rng.standard_normal((rows // cell + 3, columns // cell + 3)).astype(np.float32)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)


def _tissue_shape(rng: np.random.Generator) -> np.ndarray:
    """Share of tissue at the coarse grid, (rows, columns) float32 0..1: ragged, some gaps."""
    rows, columns = HEIGHT // COARSE + 1, WIDTH // COARSE + 1
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    reach = np.hypot((x / columns - 0.49) / 0.43, (y / rows - 0.5) / 0.42)
    ragged = 0.09 * _smooth_noise(rng, rows, columns, 60) + 0.03 * _smooth_noise(
        rng, rows, columns, 14
    )
    gaps = _smooth_noise(rng, rows, columns, 34) > 1.9
    inside = np.clip((1.0 - reach + ragged) * 14.0, 0.0, 1.0)
    return cv2.GaussianBlur(np.where(gaps, 0.0, inside).astype(np.float32), (0, 0), 1.6)


def _stroma(rng: np.random.Generator, mask: np.ndarray) -> Tissue:
    """Wavy pink fibres wherever there is tissue."""
    side = 2048
    fibre = _fibre_tile(rng, side)
    eosin = np.empty((HEIGHT, WIDTH), np.uint8)
    haematoxylin = np.empty((HEIGHT, WIDTH), np.uint8)
    thick = _smooth_noise(rng, HEIGHT // COARSE + 1, WIDTH // COARSE + 1, 30)
    across = np.tile(fibre, (1, WIDTH // side + 1))[:, :WIDTH]
    for top in range(0, HEIGHT, 1000):
        rows = slice(top, min(top + 1000, HEIGHT))
        count = rows.stop - rows.start
        part = np.take(across, range(top, rows.stop), axis=0, mode="wrap")
        share = _enlarged(mask, rows, count)
        density = _enlarged(thick, rows, count)
        amount = (74.0 + 13.0 * density + 21.0 * part) * share
        eosin[rows] = np.clip(amount, 0, 255).astype(np.uint8)
        haematoxylin[rows] = np.clip((13.0 + 5.0 * part) * share, 0, 255).astype(np.uint8)
    return Tissue(haematoxylin, eosin)


def _fibre_tile(rng: np.random.Generator, side: int) -> np.ndarray:
    """Streaks that bend, (side, side) float32 of unit spread; its edges meet."""
    fine = rng.standard_normal((side, side)).astype(np.float32)
    wrapped = cv2.copyMakeBorder(fine, 64, 64, 64, 64, cv2.BORDER_WRAP)
    streaks = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=14.0, sigmaY=1.6)[64:-64, 64:-64]
    at = np.arange(side, dtype=np.float32)
    turn = 2 * np.pi / side
    x = np.tile(at, (side, 1))
    y = at[:, None] + 38.0 * np.sin(3 * turn * at)[None] + 16.0 * np.sin(8 * turn * at + 1)[None]
    bent = cv2.remap(streaks, x, np.mod(y, side).astype(np.float32), cv2.INTER_LINEAR)
    return bent / bent.std()


def _enlarged(coarse: np.ndarray, rows: slice, count: int) -> np.ndarray:
    """The part of a coarse map that belongs to some rows, at full size."""
    first, last = rows.start // COARSE, -(-rows.stop // COARSE) + 1
    band = coarse[first:last, : WIDTH // COARSE + 1]
    full = cv2.resize(band, (band.shape[1] * COARSE, band.shape[0] * COARSE))
    skip = rows.start - first * COARSE
    return full[skip : skip + count, :WIDTH]


def _glands(
    rng: np.random.Generator, tissue: Tissue, area: Area, mask: np.ndarray, crowded: bool
) -> None:
    """Rings of epithelium about a lumen; crowded ones are uneven, with large dark nuclei."""
    spacing = 250 if crowded else 300
    for x, y in _scattered(rng, area, spacing, jitter=0.22 if crowded else 0.12):
        if mask[int(y) // COARSE, int(x) // COARSE] < 0.95:
            continue
        if crowded:
            _gland(rng, tissue, x, y, rng.uniform(70, 135), rng.uniform(0.55, 1.0), 0.20, True)
        else:
            _gland(rng, tissue, x, y, rng.uniform(88, 112), rng.uniform(0.85, 1.0), 0.05, False)


def _gland(
    rng: np.random.Generator, tissue: Tissue, x: float, y: float,
    radius: float, squeeze: float, wobble: float, crowded: bool,
) -> None:  # fmt: skip
    turn = rng.uniform(0, math.pi)
    phases = rng.uniform(0, 2 * math.pi, 3)

    def outline(share: float, count: int) -> np.ndarray:
        """Points (count, 2) of the gland's outline at a share of its radius."""
        a = np.linspace(0, 2 * math.pi, count, endpoint=False)
        r = radius * share * (1 + wobble * (np.sin(2 * a + phases[0]) + 0.6 * np.sin(
            3 * a + phases[1]) + 0.4 * np.sin(5 * a + phases[2])))  # fmt: skip
        px, py = r * np.cos(a), r * squeeze * np.sin(a)
        return np.stack([x + px * math.cos(turn) - py * math.sin(turn),
                         y + px * math.sin(turn) + py * math.cos(turn)], 1)  # fmt: skip

    lumen = rng.uniform(0.12, 0.45) if crowded else rng.uniform(0.38, 0.5)
    for share, h, e in ((1.0, 34 if crowded else 22, 62), (lumen, 0, 8)):
        points = np.round(outline(share, 40) * 8).astype(np.int32)
        cv2.fillPoly(tissue.haematoxylin, [points], (h,), cv2.LINE_AA, 3)
        cv2.fillPoly(tissue.eosin, [points], (e,), cv2.LINE_AA, 3)
    rings = ((0.86, 1.0), (0.62, 0.85)) if crowded else ((0.86, 1.0),)
    for share, density in rings:
        room = 2 * math.pi * radius * share * (1 + squeeze) / 2
        count = int(room / (15.0 if crowded else 13.0) * density)
        for px, py in outline(share, max(count, 5)):
            _nucleus(rng, tissue, px, py, math.atan2(py - y, px - x), crowded)


def _nucleus(
    rng: np.random.Generator, tissue: Tissue, x: float, y: float, angle: float, crowded: bool
) -> None:
    if crowded:
        x, y = x + rng.normal(0, 5), y + rng.normal(0, 5)
        long, short = rng.uniform(8, 14), rng.uniform(5, 8.5)
        dark = rng.uniform(95, 190)
    else:
        long, short = rng.uniform(8, 10), rng.uniform(4.5, 5.5)
        dark = rng.uniform(110, 150)
    _ellipse(tissue.haematoxylin, x, y, long, short, angle + rng.normal(0, 0.25), dark)
    if crowded and rng.random() < 0.5:  # a nucleolus
        _ellipse(tissue.haematoxylin, x, y, 2.2, 2.2, 0.0, min(dark + 60, 250))


def _ellipse(
    image: np.ndarray, x: float, y: float, long: float, short: float, angle: float, value: float
) -> None:
    if not (20 < x < WIDTH - 20 and 20 < y < HEIGHT - 20):
        return
    center = (round(x * 16), round(y * 16))
    axes = (round(long * 16), round(short * 16))
    cv2.ellipse(image, center, axes, math.degrees(angle), 0, 360, int(value), -1, cv2.LINE_AA, 4)


def _lymphocytes(rng: np.random.Generator, tissue: Tissue, area: Area) -> None:
    for x, y in _scattered(rng, area, 19, jitter=0.3):
        if rng.random() > 1.25 - math.hypot(x - area.x, y - area.y) / area.radius:
            continue
        radius = rng.uniform(5.0, 6.6)
        _ellipse(tissue.haematoxylin, x, y, radius, radius * 0.93, rng.uniform(0, 3),
                 rng.uniform(150, 215))  # fmt: skip


def _stroma_nuclei(rng: np.random.Generator, tissue: Tissue, mask: np.ndarray) -> None:
    """Spindle nuclei along the fibres."""
    count = 22_000
    xs, ys = rng.uniform(40, WIDTH - 40, count), rng.uniform(40, HEIGHT - 40, count)
    for x, y in zip(xs, ys, strict=True):
        here = tissue.haematoxylin[int(y), int(x)]
        if mask[int(y) // COARSE, int(x) // COARSE] < 0.6 or not 3 <= here <= 20:
            continue
        if tissue.eosin[int(y), int(x)] < 30:
            continue
        slope = math.atan(-0.35 * math.cos(3 * 2 * math.pi * x / 2048))
        _ellipse(tissue.haematoxylin, x, y, rng.uniform(9, 15), rng.uniform(2.2, 3.6),
                 slope + rng.normal(0, 0.2), rng.uniform(90, 150))  # fmt: skip


def _scattered(
    rng: np.random.Generator, area: Area, spacing: float, jitter: float
) -> list[tuple[float, float]]:
    """Points in a disc on a shifted grid with jitter (share of the spacing)."""
    places = []
    rows = int(2 * area.radius / (spacing * 0.87)) + 1
    for row in range(rows):
        y = area.y - area.radius + row * spacing * 0.87
        shift = spacing / 2 if row % 2 else 0.0
        for column in range(int(2 * area.radius / spacing) + 1):
            x = area.x - area.radius + column * spacing + shift
            px = x + rng.normal(0, jitter) * spacing
            py = y + rng.normal(0, jitter) * spacing
            if math.hypot(px - area.x, py - area.y) < area.radius:
                places.append((px, py))
    return places
