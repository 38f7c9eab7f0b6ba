"""A data folder, read, checked and split; its images as arrays in memory."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.errors import DataError, did_you_mean
from ssmamba.reading.preprocess import resize_image
from ssmamba.runtime.cores import usable_cores
from training.data.catalog import MANIFEST, SPLITS, Catalog, Item, report, survey_folder
from training.data.describe import DatasetInfo, describe
from training.data.images import centre_square, read_rgb
from training.data.scan import Scan, compares_all, duplicate_links, examine_images
from training.data.split import split_items
from training.loop.progress import Progress, console

ALL = "all"  # every image, whatever its split
FULL_SIDE_MOST = 512  # pixels; larger images are reduced to this before their colours change
CACHE_MARGIN = 1.75  # cached side / network window: crops are shrunk, not enlarged
GIB = 2**30


@dataclass(frozen=True)
class Dataset:
    """Checked images with their splits."""

    catalog: Catalog
    scan: Scan
    splits: dict[str, list[int]]  # split -> indices in catalog.items
    info: DatasetInfo
    split_seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        return self.catalog.classes

    def indices(self, split: str) -> list[int]:
        """Indices of a split's images in the catalog; "all" for every image."""
        if split == ALL:
            return list(range(len(self.catalog.items)))
        if split not in self.splits:
            raise DataError(f"Unknown split '{split}'{did_you_mean(split, (*SPLITS, ALL))}.")
        return self.splits[split]

    def items(self, split: str) -> list[Item]:
        return [self.catalog.items[i] for i in self.indices(split)]

    def labels(self, split: str) -> np.ndarray:
        """Class numbers, (N,) int64, in the order of the sorted class keys."""
        number = {key: index for index, key in enumerate(self.classes)}
        return np.array([number[item.label] for item in self.items(split)], dtype=np.int64)

    def groups(self, split: str) -> np.ndarray:
        """Group numbers, (N,) int64; an image without a group forms its own."""
        names = [item.group or f"\0{item.path}" for item in self.items(split)]
        return np.unique(names, return_inverse=True)[1].astype(np.int64)

    def hashes(self, split: str) -> list[str]:
        return [self.scan.file_hashes[i] for i in self.indices(split)]

    def images(self, split: str, side: int) -> np.ndarray:
        """(N, side, side, 3) uint8 RGB: the centred square of each image through preprocess."""
        paths = [self.catalog.file(item) for item in self.items(split)]
        return load_images(paths, side)

    def counts(self) -> dict[str, dict[str, int]]:
        """{split: {class key: images}}."""
        found = {split: Counter(item.label for item in self.items(split)) for split in SPLITS}
        return {split: {key: found[split][key] for key in self.classes} for split in SPLITS}

    def source_px(self) -> int:
        """Side of the images before resizing, pixels: as described, else the files' median."""
        return self.info.source_px or int(np.median(self.scan.sides))

    def full_side(self) -> int:
        """Side at which whole images are changed or measured, pixels: the median of the files, at
        most FULL_SIDE_MOST."""
        return min(int(np.median(self.scan.sides)), FULL_SIDE_MOST)

    def stain_basis(self, asked: str) -> str:
        """The axes of colour changes, he | giemsa | none: as asked, or with "auto" as described in
        the data set."""
        return self.info.stain_basis if asked == "auto" else asked

    def card_entry(self) -> dict[str, Any]:
        """The entry about the data set in a checkpoint's card."""
        return {
            "name": self.info.name,
            "split_seed": self.split_seed,
            "counts": self.counts(),
            "grouped": self.catalog.grouped,
            "stain_basis": self.info.stain_basis,
        }


def load_dataset(
    root: Path | str,
    split_seed: int,
    info: Path | None = None,
    quiet: bool = False,
    every_class_in: tuple[str, ...] = (),
    conflicts_allowed: bool = False,
    least_classes: int = 2,
) -> Dataset:
    """Read, check and split a data folder. Raises a DataError that lists all problems.

    every_class_in: splits that must have images of each class.
    least_classes: fewest classes, where every_class_in is given.
    conflicts_allowed: accept equal images with different labels or in different splits.
    """
    survey = survey_folder(root)
    catalog = survey.catalog
    described, undescribed = _describe(catalog, info)
    with Progress("Checking images", len(catalog.items), quiet) as progress:
        found = examine_images(catalog, progress.update)
    links = [] if found.scan is None else duplicate_links(catalog, found.scan)
    splits = split_items(catalog.items, split_seed, links)
    empty = missing_classes(catalog, splits, every_class_in, least_classes)
    conflicts = () if conflicts_allowed else found.conflicts
    kinds = [survey.problems, undescribed, found.unreadable, conflicts, empty]
    if any(kinds) or described is None or found.scan is None:
        raise report(catalog.root, kinds)
    for note in () if quiet else survey.notes:
        console.print(note)
    if found.modes and not quiet:
        console.print(f"Converted to 8-bit RGB on reading: {found.modes}.")
    if not quiet and not compares_all(catalog):
        alone = sum(not item.group for item in catalog.items)
        console.print(
            f"{alone:,} images without groups are too many to search for "
            "near-duplicates across splits; training.prepare --find-copies groups copies."
        )
    return Dataset(catalog, found.scan, splits, described, split_seed)


def split_title(split: str) -> str:
    """ "test split" or "all splits", as titles say it."""
    return "all splits" if split == ALL else f"{split} split"


def _describe(catalog: Catalog, info: Path | None) -> tuple[DatasetInfo | None, list[str]]:
    try:
        return describe(catalog.classes, catalog.root, info), []
    except DataError as error:
        return None, [str(error)]


def missing_classes(
    catalog: Catalog,
    splits: dict[str, list[int]],
    needed: tuple[str, ...],
    least_classes: int = 2,
) -> list[str]:
    """One line for each split that lacks classes it needs."""
    given = bool(catalog.items) and all(item.split for item in catalog.items)
    cure = (
        f"assign this split to images of each class in {MANIFEST}"
        if given
        else "each class needs at least three groups (or images without a group)"
    )
    problems = []
    for split in needed:
        there = {catalog.items[i].label for i in splits[split]}
        absent = [key for key in catalog.classes if key not in there]
        if absent:
            problems.append(f"no images of {', '.join(absent)} in {split}; {cure}")
    if needed and len(catalog.classes) < least_classes:
        problems.append("only one class; a classifier needs two")
    return problems


def load_images(paths: list[Path], side: int) -> np.ndarray:
    """Decode files into one (N, side, side, 3) uint8 array."""
    out = np.empty((len(paths), side, side, 3), np.uint8)
    with ThreadPoolExecutor(usable_cores()) as pool:
        for index, image in enumerate(pool.map(partial(_load_one, side=side), paths)):
            out[index] = image
    return out


def cache_side(source_px: int, window: int, count: int, budget_gib: float) -> int:
    """Side of the training images in memory, pixels.

    At most CACHE_MARGIN windows, never above the source, and less when ``count`` images would not
    fit into the budget. Raises DataError when not even images of one window fit.
    """
    best = max(window, min(source_px, int(window * CACHE_MARGIN)))
    fits = int((budget_gib * GIB / (3 * max(count, 1))) ** 0.5)
    if fits < window:
        need = count * 3 * window**2 / GIB
        raise DataError(
            f"{count} images of {window} px need {need:.1f} GiB of memory; raise --cache-gib "
            "or choose a smaller --image-size."
        )
    return min(best, fits)


def _load_one(path: Path, side: int) -> np.ndarray:
    return resize_image(centre_square(read_rgb(path)), side)
