"""Fibrous tissue: wavy bundles of collagen, spindle nuclei along them, small vessels, red cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ssmamba.generated.nuclei import Nuclei
from ssmamba.generated.sheet import Sheet

COARSE = 16  # pixels that one cell of a coarse map covers
BAND = 512  # rows laid at once
MARGIN = 128  # more than the longest blur reaches

Waves = tuple[tuple[float, int, int, float], ...]  # amplitude, turns along x and y, phase


@dataclass(frozen=True)
class Fibres:
    """A tile of fibres that continues at its edges, (side, side) float32: bundles of about unit
    spread that bend, and clefts between them, 0..1."""

    bundles: np.ndarray
    clefts: np.ndarray
    waves: Waves

    @classmethod
    def drawn(cls, rng: np.random.Generator, side: int, scale: float = 1.0) -> Fibres:
        """side: pixels after which the fibres repeat."""
        fine = _streaks(rng, side, 26 * scale, 1.3 * scale)
        broad = _streaks(rng, side, 46 * scale, 4.5 * scale)
        gaps = _streaks(rng, side, 40 * scale, 2.6 * scale)
        waves = tuple(
            (side * a / along, along, int(rng.integers(-across, across + 1)), rng.uniform(0, 6))
            for a, along, across in ((0.064, 2, 2), (0.054, 5, 3), (0.034, 13, 5))
        )
        y, x = np.mgrid[0:side, 0:side].astype(np.float32)
        bent = np.mod(y + _shift(x, y, side, waves), side).astype(np.float32)
        both = np.stack([0.6 * fine + 0.65 * broad, gaps], 2)
        both = cv2.copyMakeBorder(both, 0, 2, 0, 2, cv2.BORDER_WRAP)
        turned = cv2.remap(both, x, bent, cv2.INTER_LINEAR)
        return cls(turned[..., 0], np.clip((turned[..., 1] - 1.25) * 1.6, 0.0, 1.0), waves)

    def slope(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The fibres' direction in radians at places, each (N,)."""
        along = across = np.zeros(len(x))
        turn = 2 * math.pi / len(self.bundles)
        for amplitude, m, n, phase in self.waves:
            slant = amplitude * turn * np.cos(turn * (m * x + n * y) + phase)
            along, across = along + m * slant, across + n * slant
        return np.arctan2(-along, np.maximum(1.0 + across, 0.2))


def _shift(x: np.ndarray, y: np.ndarray, side: int, waves: Waves) -> np.ndarray:
    turn = 2 * math.pi / side
    total: np.ndarray = np.zeros(x.shape, np.float32)
    for amplitude, m, n, phase in waves:
        total += amplitude * np.sin(turn * (m * x + n * y) + phase)
    return total


def _streaks(rng: np.random.Generator, side: int, long: float, short: float) -> np.ndarray:
    noise = rng.standard_normal((side, side)).astype(np.float32)
    wrapped = cv2.copyMakeBorder(noise, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_WRAP)
    blurred = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=long, sigmaY=short)
    blurred = blurred[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return blurred / blurred.std()


def lay_fibres(sheet: Sheet, fibres: Fibres, density: np.ndarray, share: np.ndarray) -> None:
    """Cover a sheet with fibres. density, share: coarse maps (rows, columns) float32: how much
    eosin more (about unit spread), and tissue 0..1."""
    for top in range(0, sheet.height, BAND):
        rows = np.arange(top, min(top + BAND, sheet.height))
        part = _repeated(fibres.bundles, rows, sheet.width)
        there = 1.0 - 0.85 * _repeated(fibres.clefts, rows, sheet.width)
        there *= _enlarged(share, rows, sheet.width)
        eosin = _enlarged(11.0 * density + 84.0, rows, sheet.width)
        sheet.eosin[rows] = np.clip((eosin + 17.0 * part) * there, 0, 255)
        sheet.haematoxylin[rows] = np.clip((13.0 + 3.5 * part) * there, 0, 255)


def _repeated(tile: np.ndarray, rows: np.ndarray, width: int) -> np.ndarray:
    part = tile[rows % len(tile)]
    return np.tile(part, (1, -(-width // tile.shape[1])))[:, :width]


def _enlarged(coarse: np.ndarray, rows: np.ndarray, width: int) -> np.ndarray:
    """Some rows of a coarse map at full size."""
    first = max(rows[0] // COARSE - 1, 0)
    some = coarse[first : rows[-1] // COARSE + 2]
    full = cv2.resize(some, (some.shape[1] * COARSE, some.shape[0] * COARSE))
    skip = rows[0] - first * COARSE
    return full[skip : skip + len(rows), :width]


def stroma_nuclei(
    rng: np.random.Generator,
    sheet: Sheet,
    fibres: Fibres,
    nuclei: Nuclei,
    places: np.ndarray,
    round_share: float,
) -> None:
    """Nuclei of fibroblasts along the fibres and round ones of passing cells, at those of the
    places (N, 2) where there are fibres."""
    x, y = places.T
    at = (y.astype(int), x.astype(int))
    fibrous = (sheet.eosin[at] > 45) & (sheet.haematoxylin[at] < 24)
    x, y = x[fibrous], y[fibrous]
    angles = fibres.slope(x, y) + rng.normal(0, 0.18, len(x))
    kinds = np.where(rng.random(len(x)) < round_share, "round", "spindle")
    for place in zip(kinds.tolist(), x.tolist(), y.tolist(), angles.tolist(), strict=True):
        nuclei.set(sheet, *place)


def vessel(
    rng: np.random.Generator, sheet: Sheet, nuclei: Nuclei, x: float, y: float, angle: float
) -> None:
    """A small vessel: a thin wall with flat nuclei around red cells."""
    s = sheet.scale
    long, short = rng.uniform(26, 70) * s, rng.uniform(13, 24) * s
    sheet.ellipse(x, y, long + 3 * s, short + 3 * s, angle, 18, 118)
    sheet.ellipse(x, y, long, short, angle, 2, 16)
    for a in np.arange(0.0, 2 * math.pi, 0.8) + rng.uniform(0, 0.8):
        px, py = _on_ellipse(x, y, long + 2 * s, short + 2 * s, angle, a)
        tangent = math.atan2(short * math.cos(a), -long * math.sin(a)) + angle
        nuclei.set(sheet, "spindle", px, py, tangent)
    for _ in range(int(long * short / (60 * s * s))):
        share = math.sqrt(rng.uniform(0, 0.75))
        px, py = _on_ellipse(x, y, long * share, short * share, angle, rng.uniform(0, 6.3))
        red_cell(rng, sheet, px, py)


def red_cell(rng: np.random.Generator, sheet: Sheet, x: float, y: float) -> None:
    """A red cell, about 6 µm, paler in its middle."""
    radius, turn = rng.uniform(5.4, 6.6) * sheet.scale, rng.uniform(0, math.pi)
    squeeze = rng.uniform(0.7, 1.0)
    sheet.ellipse(x, y, radius, radius * squeeze, turn, 6, int(rng.uniform(165, 205)))
    sheet.ellipse(x, y, radius * 0.45, radius * 0.4 * squeeze, turn, 4, 140)


def _on_ellipse(
    x: float, y: float, long: float, short: float, angle: float, at: float
) -> tuple[float, float]:
    u, v = long * math.cos(at), short * math.sin(at)
    return (
        x + u * math.cos(angle) - v * math.sin(angle),
        y + u * math.sin(angle) + v * math.cos(angle),
    )
