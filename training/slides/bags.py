"""What the models read of a cohort's slides: regions of pixels, or features of tiles."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import SlideSpec, file_sha256
from ssmamba.errors import DataError, InputError
from ssmamba.features.reading import ENDINGS, read_tiles
from ssmamba.features.values import TileFile
from ssmamba.inference.slide_regions import SlideRegions, read_regions
from ssmamba.reading.preprocess import to_tensor
from ssmamba.slides.slide import Slide
from training.loop.progress import Progress
from training.runs.card import Triple, channel_statistics
from training.slides.cohort import Cohort

GIB = 1 << 30
COLOUR_REGIONS = 64  # of a slide, whose colours are measured
Kept = TypeVar("Kept")


class Bags(ABC, Generic[Kept]):
    """Slides by their row in the cohort; read once as far as memory allows, by any thread."""

    def __init__(self, cohort: Cohort, spec: SlideSpec, most: int, cache_gib: float) -> None:
        self.cohort, self.spec, self.most = cohort, spec, most
        self.counts = np.zeros(len(cohort.slides), int)  # regions or tiles of each slide
        self.unread = np.zeros(len(cohort.slides), int)  # those beyond ``most``
        self._room = int(cache_gib * GIB)
        self._kept: dict[int, Kept] = {}
        self._lock = threading.Lock()

    def __getitem__(self, row: int) -> Kept:
        """What is read of a slide. Raises InputError."""
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        found = self._read(row)
        count, size = self._measure(found)
        with self._lock:
            self.counts[row] = count
            if row not in self._kept and size <= self._room:
                self._room -= size
                self._kept[row] = found
        return found

    def only(self, rows: list[int]) -> None:
        """Leave out all other slides; the rest is numbered anew."""
        slides = tuple(self.cohort.slides[row] for row in rows)
        self.cohort = replace(self.cohort, slides=slides)
        self.counts, self.unread = self.counts[rows], self.unread[rows]
        self._kept = {at: self._kept[row] for at, row in enumerate(rows) if row in self._kept}

    def file(self, row: int) -> Path:
        """The file by which the card knows that a slide was trained on."""
        return self.cohort.slides[row].path

    @abstractmethod
    def sample(self, row: int, rng: np.random.Generator | None) -> Tensor:
        """A slide for a batch; augmented where there is ``rng``."""

    @abstractmethod
    def tensor(self, sample: Tensor, spec: SlideSpec) -> Tensor:
        """A sample as the model reads it, float32."""

    @abstractmethod
    def _read(self, row: int) -> Kept: ...

    @abstractmethod
    def _measure(self, found: Kept) -> tuple[int, int]:
        """Regions or tiles, and bytes."""


class PixelBags(Bags[SlideRegions]):
    """Regions of pixels (N, w, w, 3) uint8.

    slide_mpp: µm per level-0 pixel of slides of which neither the table nor the file says it.
    """

    def __init__(
        self,
        cohort: Cohort,
        spec: SlideSpec,
        most: int,
        cache_gib: float,
        slide_mpp: float | None = None,
    ) -> None:
        super().__init__(cohort, spec, most, cache_gib)
        self.slide_mpp = slide_mpp

    def colours(self, rows: Iterable[int]) -> tuple[Triple, Triple]:
        """Mean and standard deviation of R, G, B in 0..1 over some regions of each slide."""
        parts = [self[row].images[:COLOUR_REGIONS] for row in rows]
        return channel_statistics(np.concatenate(parts))

    def sample(self, row: int, rng: np.random.Generator | None) -> Tensor:
        across, down = (False, False) if rng is None else rng.random(2) < 0.5
        return torch.from_numpy(mirrored(self[row], bool(across), bool(down)))

    def tensor(self, sample: Tensor, spec: SlideSpec) -> Tensor:
        return to_tensor(sample.numpy(), spec)

    def _read(self, row: int) -> SlideRegions:
        slide = self.cohort.slides[row]
        with Slide.open(slide.path) as opened:
            mpp = slide.mpp or (self.slide_mpp if opened.mpp is None else None)
            found = read_regions(opened, self.spec, mpp, self.most)
        self.unread[row] = found.left_out
        return found

    def _measure(self, found: SlideRegions) -> tuple[int, int]:
        return len(found.images), found.images.nbytes


class FeatureBags(Bags[tuple[TileFile, np.ndarray]]):
    """Features of tiles (N, D) float32, from files that are named as the slides are.

    with_places: a sample is (N, D + 2), with x and y of the tiles in sides of a tile.
    """

    def __init__(
        self,
        cohort: Cohort,
        spec: SlideSpec,
        most: int,
        cache_gib: float,
        folder: Path,
        with_places: bool = False,
    ) -> None:
        super().__init__(cohort, spec, most, cache_gib)
        self.folder, self.with_places = folder, with_places

    @property
    def dim(self) -> int:
        """D; the same for all. Raises DataError."""
        dims = {self[row][1].shape[1] for row in range(len(self.cohort.slides))}
        if len(dims) > 1:
            several = " and ".join(map(str, sorted(dims)))
            raise DataError(
                f"The files in {self.folder} have {several} features a tile; give those of one "
                "encoder."
            )
        return dims.pop()

    def file(self, row: int) -> Path:
        slide = self.cohort.slides[row].path
        stems = (slide.stem, slide.name)
        places = [self.folder / f"{stem}{end}" for stem in stems for end in ENDINGS]
        for place in places:
            if place.exists():
                return place
        raise DataError(f"{self.folder} has no feature file {slide.stem}{ENDINGS[0]}.")

    def sample(self, row: int, rng: np.random.Generator | None) -> Tensor:
        found, features = self[row]
        if not self.with_places:
            return torch.from_numpy(features)
        x, y, side = found.windows.T
        cells = np.stack([(x - x.min()) / side, (y - y.min()) / side], 1)
        return torch.from_numpy(np.concatenate([features, cells.astype(np.float32)], 1))

    def tensor(self, sample: Tensor, spec: SlideSpec) -> Tensor:
        return sample

    def _read(self, row: int) -> tuple[TileFile, np.ndarray]:
        found = read_tiles(self.file(row))
        features = np.ascontiguousarray(found.features(), np.float32)
        if not len(features):
            raise DataError(f"{found.path} has no tiles; extract it again.")
        if self.with_places:
            _ = found.windows  # raises DataError where the side of the tiles is not known
        if self.most and len(features) > self.most:
            kept = np.linspace(0, len(features) - 1, self.most).round().astype(int)
            self.unread[row] = len(features) - self.most
            return replace(found, places=found.places[kept], columns={}), features[kept]
        return found, features

    def _measure(self, found: tuple[TileFile, np.ndarray]) -> tuple[int, int]:
        return len(found[1]), found[1].nbytes


AnyBags = PixelBags | FeatureBags
Opener = Callable[[Cohort], AnyBags]


def readable(cohort: Cohort, opener: Opener, quiet: bool) -> AnyBags:
    """Every slide read once; ``bags.cohort`` is the cohort without those that cannot be read.

    Each that is left out is in its ``left_out`` with the reason. Raises DataError where none is
    left.
    """
    bags = opener(cohort)
    rows: list[int] = []
    left_out = list(cohort.left_out)
    with Progress("slides", len(cohort.slides), quiet) as progress:
        for row, slide in enumerate(cohort.slides):
            try:
                bags[row]
                rows.append(row)
            except InputError as error:
                left_out.append((slide.path.name, str(error).rstrip(".")))
            progress.update(row + 1, slide.path.name)
    if not rows:
        raise DataError(f"No slide can be read: {left_out[0][0]}: {left_out[0][1]}.")
    bags.only(rows)
    bags.cohort = replace(bags.cohort, left_out=tuple(left_out))
    return bags


def content_hash(path: Path) -> str:
    """First 16 hex digits of the sha256 of a file, or of the names and sizes in a folder."""
    if path.is_file():
        return file_sha256(path)[:16]
    files = sorted((str(p.relative_to(path)), p.stat().st_size) for p in path.rglob("*"))
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16]


def mirrored(regions: SlideRegions, across: bool, down: bool) -> np.ndarray:
    """The regions (N, w, w, 3) of the mirrored slide, in its own row-major order."""
    return mirror(regions.images, regions.cells, across, down)[0]


def mirror(
    images: np.ndarray, cells: np.ndarray, across: bool, down: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Regions (N, w, w, 3) and their cells (N, 2) on the mirrored slide, in its row-major order.

    A cell's row and column are negative where they count from the other side.
    """
    row, column = cells.T
    turned = np.stack([-row if down else row, -column if across else column], 1)
    order = np.lexsort((turned[:, 1], turned[:, 0]))
    images = images[order]
    if across:
        images = images[:, :, ::-1]
    return np.ascontiguousarray(images[:, ::-1] if down else images), turned[order]
