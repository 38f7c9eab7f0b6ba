"""A slide's answers in the order of its grid, and what they come to: areas by class and doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmamba.checkpoints.card import Card
from ssmamba.headless.scan.cohort import Entry
from ssmamba.reading.doubts import CODES, doubt_text
from ssmamba.reading.slide_plan import SlidePlan
from ssmamba.reading.values import NO_CLASS

DOUBT_COLOR = (128, 128, 128)
UM2_PER_MM2 = 1e6


@dataclass(frozen=True)
class SlideScan:
    """The answers of one model to all windows of one slide, row by row."""

    entry: Entry
    card: Card
    model_sha256: str
    slide_hash: str  # of its content (``slides.identity``)
    dimensions: tuple[int, int]  # width, height, level-0 pixels
    bounds_offset: tuple[int, int]  # origin of QuPath's coordinates, level-0 pixels
    plan: SlidePlan
    cells: np.ndarray  # (N, 2) of row and column
    shares: np.ndarray  # (N,) of tissue
    probabilities: np.ndarray  # (N, K) float32
    doubts: np.ndarray  # (N,) uint8, codes of CODES

    @property
    def predicted(self) -> np.ndarray:
        """Number of the likeliest class, (N,)."""
        found: np.ndarray = self.probabilities.argmax(axis=1)
        return found

    @property
    def names_class(self) -> np.ndarray:
        """Where a class may be named, (N,) bool; elsewhere there was no tissue to be seen."""
        none = [code for code, doubt in enumerate(CODES) if doubt in NO_CLASS]
        return ~np.isin(self.doubts, none)

    @property
    def tile_mm2(self) -> float | None:
        """Area that a window stands for: a step of the grid each way; None without µm/px."""
        mpp = self.plan.slide_mpp
        return None if mpp is None else (self.plan.grid.step * mpp) ** 2 / UM2_PER_MM2


def in_grid_order(plan: SlidePlan) -> np.ndarray:
    """Numbers (N,) that put the windows of a plan row by row."""
    return np.lexsort((plan.cells[:, 1], plan.cells[:, 0]))


def areas(scan: SlideScan) -> list[dict[str, Any]]:
    """A record for each class with the windows that are sure, then one for each doubt.

    ``tissue_mm2`` counts the tissue in them alone, as the map of the whole slide has it.
    """
    sure, predicted = scan.doubts == 0, scan.predicted
    groups = [
        ("class", info.key, info.name, sure & (predicted == number))
        for number, info in enumerate(scan.card.classes)
    ]
    groups += [
        ("doubt", doubt, doubt_text(doubt), scan.doubts == code)
        for code, doubt in enumerate(CODES)
        if doubt and (scan.doubts == code).any()
    ]
    return [_area(scan, kind, key, name, chosen) for kind, key, name, chosen in groups]


def _area(scan: SlideScan, kind: str, key: str, name: str, chosen: np.ndarray) -> dict[str, Any]:
    tiles, each = int(chosen.sum()), scan.tile_mm2
    tissue = float(scan.shares[chosen].sum())
    return {
        kind: key,
        "name": name,
        "tiles": tiles,
        "share": tiles / len(chosen),
        "area_mm2": None if each is None else tiles * each,
        "tissue_mm2": None if each is None else tissue * each,
    }


def summary_of(scan: SlideScan) -> dict[str, Any]:
    """summary.json: the same for the same slide, model and settings, whenever it was made."""
    plan, grid = scan.plan, scan.plan.grid
    return {
        "slide": str(scan.entry.path),
        "patient": scan.entry.patient or None,
        "slide_hash": scan.slide_hash,
        "width": scan.dimensions[0],
        "height": scan.dimensions[1],
        "slide_mpp": plan.slide_mpp,
        "model": scan.card.name,
        "model_sha256": scan.model_sha256,
        "mpp": plan.mpp,
        "icc": plan.icc,
        "tile_side_px": grid.side,
        "tile_side_exact_px": grid.exact_side,
        "tile_step_px": grid.step,
        "rows": grid.rows,
        "columns": grid.columns,
        "tiles": len(scan.doubts),
        "tissue_share": plan.tissue.share_of_slide(1),
        "areas": areas(scan),
        "notes": list(plan.notes),
    }
