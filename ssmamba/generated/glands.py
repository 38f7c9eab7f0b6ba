"""Glands: regular ones with one row of nuclei at the base and mucus above, crowded ones without
order, back to back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ssmamba.generated.nuclei import Nuclei
from ssmamba.generated.sheet import Sheet

Rng = np.random.Generator


@dataclass(frozen=True)
class Outline:
    """A closed, uneven ring about (x, y), in pixels."""

    x: float
    y: float
    radius: float
    squeeze: float  # short over long axis
    turn: float  # radians
    wobble: float
    phases: tuple[float, float, float]

    def at(self, share: float | np.ndarray, angles: np.ndarray) -> np.ndarray:
        """Places (N, 2) at a share of the radius, by angle in radians."""
        a, p = angles, self.phases
        uneven = np.sin(2 * a + p[0]) + 0.6 * np.sin(3 * a + p[1]) + 0.35 * np.sin(5 * a + p[2])
        reach = self.radius * share * (1 + self.wobble * uneven)
        u, v = reach * np.cos(a), reach * self.squeeze * np.sin(a)
        c, s = math.cos(self.turn), math.sin(self.turn)
        return np.stack([self.x + u * c - v * s, self.y + u * s + v * c], 1)

    def ring(self, share: float, count: int = 48) -> np.ndarray:
        """Places (count, 2) all around."""
        return self.at(share, np.linspace(0, 2 * math.pi, count, endpoint=False))

    def around(self) -> float:
        """About its length."""
        return math.pi * self.radius * (1 + self.squeeze)


def outline(
    rng: Rng,
    x: float,
    y: float,
    radius: tuple[float, float],
    squeeze: tuple[float, float],
    wobble: float,
) -> Outline:
    p = rng.uniform(0, 2 * math.pi, 3)
    return Outline(
        x, y, rng.uniform(*radius), rng.uniform(*squeeze), rng.uniform(0, math.pi), wobble,
        (float(p[0]), float(p[1]), float(p[2])),
    )  # fmt: skip


def regular_gland(rng: Rng, sheet: Sheet, nuclei: Nuclei, x: float, y: float) -> None:
    """One row of columnar cells: nuclei at the base, mucus towards an open lumen."""
    s = sheet.scale
    ring = outline(rng, x, y, (82 * s, 112 * s), (0.58, 1.0), 0.05)
    lumen = rng.uniform(0.10, 0.24)
    sheet.area(ring.ring(1.05), 6, 40)  # the pale sheath around a gland
    sheet.line(ring.ring(1.02), 26, 120, max(1, round(2 * s)), closed=True)
    sheet.area(ring.ring(1.0), 40, 78)
    sheet.area(ring.ring(lumen + 0.07), 30, 112)  # the cells' tips
    _mucus(rng, sheet, ring, lumen)
    sheet.area(ring.ring(lumen), 3, 7)
    for _ in range(3):  # shreds of mucus in the lumen
        a = rng.uniform(0, 2 * math.pi, 3)
        sheet.line(ring.at(lumen * 0.7, a), 12, 16, 1)
    count = int(ring.around() * 0.88 / (11.5 * s))
    _row_of_nuclei(rng, sheet, nuclei, ring, 0.87, count, "regular", 0.02)


def _mucus(rng: Rng, sheet: Sheet, ring: Outline, lumen: float) -> None:
    """Goblet cells: pale, bluish drops that lie along the radius."""
    s = sheet.scale
    count = int(ring.around() * 0.60 / (25 * s))
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False) + rng.normal(0, 0.07, count)
    for a, keep in zip(angles, rng.random(count), strict=True):
        if keep < 0.16:
            continue
        far = rng.uniform(0.62, 0.78) - (0.16 if keep > 0.75 else 0.0)
        px, py = ring.at(far - 0.14, np.array([a]))[0].tolist()
        dx, dy = px - ring.x, py - ring.y
        turn, pale = math.atan2(dy, dx), int(rng.uniform(8, 24))
        long = rng.uniform(0.13, 0.20) * ring.radius
        wide = min(rng.uniform(8.5, 12.5) * s, long)
        neck = ring.at(np.array([far - 0.1, lumen]), np.array([a, a]))
        sheet.line(neck, pale + 8, 30, max(2, round(4 * s)))  # where it opens into the lumen
        sheet.ellipse(px, py, long, wide, turn, 48, 70)
        sheet.ellipse(px, py, long - 1.4 * s, wide - 1.6 * s, turn, pale, pale // 2 + 8)


def crowded_gland(rng: Rng, sheet: Sheet, nuclei: Nuclei, x: float, y: float) -> None:
    """Dark epithelium of many rows with small, ragged holes; nuclei uneven and out of line."""
    s = sheet.scale
    ring = outline(rng, x, y, (82 * s, 132 * s), (0.55, 1.0), 0.12)
    if rng.random() < 0.5:  # the others have grown into their neighbours
        sheet.area(ring.ring(1.03), 20, 100)
    sheet.area(ring.ring(1.0), int(rng.uniform(46, 56)), int(rng.uniform(76, 90)))
    holes = _holes(rng, sheet, ring, int(rng.integers(1, 4)))

    def is_free(place: np.ndarray) -> bool:
        return all(
            math.hypot(place[0] - h.x, place[1] - h.y) > h.radius * 0.8 + 6 * s for h in holes
        )

    for share in (0.90, 0.72, 0.52, 0.30):
        count = int(ring.around() * share / (17.0 * s))
        _row_of_nuclei(rng, sheet, nuclei, ring, share, count, "crowded", 0.055, is_free)


def _holes(rng: Rng, sheet: Sheet, ring: Outline, count: int) -> list[Outline]:
    """Ragged lumina, some with dead cells within; those that meet become one."""
    s, holes = sheet.scale, []
    for _ in range(count):
        x, y = ring.at(rng.uniform(0.0, 0.55), rng.uniform(0, 2 * math.pi, 1))[0].tolist()
        holes.append(outline(rng, x, y, (13 * s, 34 * s), (0.5, 1.0), 0.17))
    for hole in holes:
        sheet.area(hole.ring(1.15), 46, 104)
    for hole in holes:
        sheet.area(hole.ring(1.0), 4, 9)
    for hole in holes:
        if rng.random() < 0.4:
            sheet.area(hole.ring(0.62), 14, 84)
            for _ in range(7):
                x, y = hole.at(rng.uniform(0, 0.7), rng.uniform(0, 2 * math.pi, 1))[0].tolist()
                size = rng.uniform(1.2, 2.8) * s
                sheet.ellipse(x, y, size, size, 0.0, int(rng.uniform(120, 210)), 70)
    return holes


def _row_of_nuclei(
    rng: Rng,
    sheet: Sheet,
    nuclei: Nuclei,
    ring: Outline,
    share: float,
    count: int,
    kind: str,
    disorder: float,
    keep: Callable[[np.ndarray], bool] = lambda place: True,
) -> None:
    """Nuclei with their long axis along the radius; disorder: spread of place and direction."""
    angles = np.linspace(0, 2 * math.pi, max(count, 3), endpoint=False)
    angles = angles + rng.normal(0, disorder, len(angles)) + rng.uniform(0, 1)
    shares = share + rng.normal(0, 0.6 * disorder, len(angles))
    turns = rng.normal(0, 7 * disorder, len(angles))
    for a, reach, off in zip(angles, shares, turns, strict=True):
        at = np.array([a])
        place, inner = ring.at(reach, at)[0], ring.at(0.5 * reach, at)[0]
        if keep(place):
            dx, dy = place - inner
            nuclei.set(sheet, kind, float(place[0]), float(place[1]), math.atan2(dy, dx) + off)
