"""Read every image once: find the unreadable ones, hash the rest, link duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from ssmamba.runtime.cores import usable_cores
from training.augment.geometry import turn_image
from training.data.catalog import Catalog, Item
from training.data.file_facts import FileFacts, file_facts
from training.data.images import UnreadableImage, centre_square, decode_rgb

HASH_DIGITS = 16  # of sha256, as in the card's training_hashes
THUMB_SIDE = 16
NEAR = 0.985  # correlation of two thumbnails above which images count as near-duplicates
NEAR_LIMIT = 30_000  # images (all of LC25000); comparing all pairs of more takes too long
MIN_CONTRAST = 4.0  # standard deviation, 0..255; blank images are all alike and prove nothing


@dataclass(frozen=True)
class Scan:
    """Hashes, sizes and thumbnails of the images, in the order of the catalog's items."""

    file_hashes: tuple[str, ...]  # of the file's bytes, first HASH_DIGITS of the sha256
    pixel_hashes: tuple[str, ...]  # of the decoded image
    sides: tuple[int, ...]  # shorter side, pixels
    thumbs: np.ndarray  # (N, THUMB_SIDE, THUMB_SIDE, 3) uint8
    files: tuple[FileFacts, ...]


@dataclass(frozen=True)
class Findings:
    """Problems found in one pass over the files, and the scan when there were none."""

    unreadable: tuple[str, ...]
    conflicts: tuple[str, ...]  # the same image under two labels or in two given splits
    modes: str  # the images that are not plain 8-bit RGB, in one line; "" when there are none
    scan: Scan | None  # None when an image could not be read


def examine_images(catalog: Catalog, on_done: Callable[[int], None] | None = None) -> Findings:
    """Decode every image of a catalog and list all problems, without raising."""
    rows: dict[int, _Row] = {}
    unreadable = []
    for index, (item, row) in enumerate(zip(catalog.items, _scan_all(catalog), strict=True)):
        if isinstance(row, str):
            unreadable.append(f"{item.path}: {row}")
        else:
            rows[index] = row
        if on_done is not None:
            on_done(index + 1)
    items = [catalog.items[i] for i in rows]
    facts = tuple(row.facts for row in rows.values())
    pixel_hashes = tuple(row.pixel_hash for row in rows.values())
    conflicts = _conflicts(items, pixel_hashes)
    modes = unusual_modes([item.path for item in items], facts)
    scan = None
    if rows and not unreadable:
        sides = tuple(min(f.width, f.height) for f in facts)
        thumbs = np.stack([row.thumb for row in rows.values()])
        hashes = tuple(f.sha256[:HASH_DIGITS] for f in facts)
        scan = Scan(hashes, pixel_hashes, sides, thumbs, facts)
    return Findings(tuple(unreadable), tuple(conflicts), modes, scan)


def unusual_modes(paths: Sequence[str], files: Sequence[FileFacts]) -> str:
    """ "2 grey (a/1.png, …), 1 CMYK (b/3.jpg)" for images that are not 8-bit RGB, else ""."""
    by_mode: dict[str, list[str]] = {}
    for path, facts in zip(paths, files, strict=True):
        if facts.mode != "RGB":
            by_mode.setdefault(facts.mode, []).append(path)
    return ", ".join(
        f"{len(named)} {mode} ({', '.join(named[:3])}{', …' if len(named) > 3 else ''})"
        for mode, named in sorted(by_mode.items())
    )


def duplicate_links(catalog: Catalog, scan: Scan) -> list[tuple[int, int]]:
    """Pairs of items that must stay in one split: equal pixels, and near-duplicates (turned and
    mirrored copies count) of images without a group, unless there are too many to compare.

    Two images that both have a group follow their groups.
    """
    links = equal_images(scan)
    if compares_all(catalog):
        links += near_duplicates(scan.thumbs, _without_group(catalog))
    return links


def equal_images(scan: Scan) -> list[tuple[int, int]]:
    """Pairs of images with equal pixels: the first one and each of its copies."""
    first: dict[str, int] = {}
    hashes = scan.pixel_hashes
    return [(first[h], i) for i, h in enumerate(hashes) if first.setdefault(h, i) != i]


def compares_all(catalog: Catalog) -> bool:
    """Whether every image without a group can be compared with every other image."""
    return len(_without_group(catalog)) * len(catalog.items) <= NEAR_LIMIT**2


def _without_group(catalog: Catalog) -> np.ndarray:
    return np.array([i for i, item in enumerate(catalog.items) if not item.group], np.int64)


def near_duplicates(thumbs: np.ndarray, of: np.ndarray | None = None) -> list[tuple[int, int]]:
    """Pairs (i < j) of thumbnails (N, S, S, 3) uint8 that correlate above NEAR in one of the eight
    turned and mirrored positions.

    of: (M,) indices of which at least one is in each pair; None = all.
    """
    chosen = np.arange(len(thumbs)) if of is None else of
    if not len(chosen):
        return []
    base = _unit_vectors(thumbs[chosen])
    is_column_only = np.ones(len(thumbs), bool)
    is_column_only[chosen] = False
    pairs: set[tuple[int, int]] = set()
    for position in range(8):
        other = _unit_vectors(turn_image(thumbs, position))
        for start in range(0, len(base), 2048):
            rows, columns = np.nonzero(base[start : start + 2048] @ other.T > NEAR)
            rows = chosen[rows + start]
            keep = (rows < columns) | is_column_only[columns]
            found = np.sort(np.stack([rows[keep], columns[keep]], 1), axis=1)
            pairs.update((low, high) for low, high in found.tolist())
    return sorted(pairs)


def _unit_vectors(thumbs: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) -> (N, D) float32 of length 1 with zero mean per channel; blank ones zero."""
    values = thumbs.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    flat = np.ascontiguousarray(values).reshape(len(thumbs), -1)
    contrast = flat.std(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(contrast >= MIN_CONTRAST, flat / np.maximum(length, 1e-6), 0.0)


@dataclass(frozen=True)
class _Row:
    facts: FileFacts
    pixel_hash: str
    thumb: np.ndarray


def _scan_all(catalog: Catalog) -> Iterator[_Row | str]:
    with ThreadPoolExecutor(usable_cores()) as pool:
        yield from pool.map(lambda item: _scan_one(catalog, item), catalog.items)


def _scan_one(catalog: Catalog, item: Item) -> _Row | str:
    """The row of an image, or its problem."""
    try:
        data = catalog.file(item).read_bytes()
        image = decode_rgb(data)
    except UnreadableImage as error:
        return str(error)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    square = np.ascontiguousarray(centre_square(image))
    thumb = cv2.resize(square, (THUMB_SIDE, THUMB_SIDE), interpolation=cv2.INTER_AREA)
    pixels = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes())
    return _Row(file_facts(data, image), pixels.hexdigest()[:HASH_DIGITS], thumb)


def _conflicts(items: Sequence[Item], pixel_hashes: Sequence[str]) -> list[str]:
    """One line for each image that is also there under another label or in another split."""
    first: dict[str, Item] = {}
    problems = []
    for item, digest in zip(items, pixel_hashes, strict=True):
        other = first.setdefault(digest, item)
        if other.label != item.label:
            problems.append(
                f"{item.path} ({item.label}) is the same image as {other.path} ({other.label})"
            )
        elif other.split != item.split:
            problems.append(
                f"{item.path} ({item.split}) is the same image as {other.path} ({other.split})"
            )
    return problems
