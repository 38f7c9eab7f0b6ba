"""The regions of a cohort's slides, read once and kept in memory as far as they fit."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.errors import InputError
from ssmamba.inference.slide_regions import SlideRegions, read_regions
from ssmamba.slides.slide import Slide
from training.loop.progress import Progress
from training.slides.cohort import Cohort, CohortSlide

GIB = 1 << 30


class Bags:
    """Regions of a cohort's slides by row; any number of threads may ask."""

    def __init__(self, cohort: Cohort, spec: SlideSpec, most: int, cache_gib: float) -> None:
        self.cohort, self.spec, self.most = cohort, spec, most
        self.counts = np.zeros(len(cohort.slides), int)  # regions of each slide
        self._room = int(cache_gib * GIB)
        self._kept: dict[int, SlideRegions] = {}
        self._lock = threading.Lock()

    def __getitem__(self, row: int) -> SlideRegions:
        """The regions of a slide. Raises SlideError."""
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        slide = self.cohort.slides[row]
        with Slide.open(slide.path) as opened:
            found = read_regions(opened, self.spec, slide.mpp, self.most)
        with self._lock:
            self.counts[row] = len(found.images)
            if row not in self._kept and found.images.nbytes <= self._room:
                self._room -= found.images.nbytes
                self._kept[row] = found
        return found


def readable(
    cohort: Cohort, spec: SlideSpec, most: int, cache_gib: float, quiet: bool
) -> tuple[Cohort, Bags]:
    """Read every slide once; the cohort without those that cannot be read, and their regions.

    Each that is left out is in ``Cohort.left_out`` with the reason.
    """
    bags = Bags(cohort, spec, most, cache_gib)
    usable: list[CohortSlide] = []
    rows: list[int] = []
    left_out = list(cohort.left_out)
    with Progress("slides", len(cohort.slides), quiet) as progress:
        for row, slide in enumerate(cohort.slides):
            try:
                bags[row]
                usable.append(slide)
                rows.append(row)
            except InputError as error:
                left_out.append((slide.path.name, str(error).rstrip(".")))
            progress.update(row + 1, slide.path.name)
    return replace(cohort, slides=tuple(usable), left_out=tuple(left_out)), _without(bags, rows)


def _without(bags: Bags, rows: list[int]) -> Bags:
    """The same regions, numbered anew for the rows that stay."""
    slides = tuple(bags.cohort.slides[row] for row in rows)
    kept = Bags(replace(bags.cohort, slides=slides), bags.spec, bags.most, 0)
    kept._kept = {at: bags._kept[row] for at, row in enumerate(rows) if row in bags._kept}
    kept._room, kept.counts = bags._room, bags.counts[rows]
    return kept


def mirrored(regions: SlideRegions, across: bool, down: bool) -> np.ndarray:
    """The regions (N, w, w, 3) of the mirrored slide, in its own row-major order."""
    row, column = regions.cells.T
    order = np.lexsort((-column if across else column, -row if down else row))
    images = regions.images[order]
    if across:
        images = images[:, :, ::-1]
    return np.ascontiguousarray(images[:, ::-1] if down else images)
