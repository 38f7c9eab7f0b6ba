"""Read every image once: find the unreadable ones, hash the rest, link duplicates."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from training.data.catalog import Catalog, Item, report
from training.data.images import UnreadableImage, centre_square, decode_rgb

HASH_DIGITS = 16  # of sha256, as in the card's training_hashes
THUMB_SIDE = 16
NEAR = 0.985  # correlation of two thumbnails above which images count as near-duplicates
NEAR_LIMIT = 20_000  # images; comparing all pairs of more takes too long
MIN_CONTRAST = 4.0  # standard deviation, 0..255; blank images are all alike and prove nothing


@dataclass(frozen=True)
class Scan:
    """What one pass over the files found, in the order of the catalog's items."""

    file_hashes: tuple[str, ...]  # of the file's bytes
    pixel_hashes: tuple[str, ...]  # of the decoded image
    sides: tuple[int, ...]  # shorter side, pixels
    thumbs: np.ndarray  # (N, THUMB_SIDE, THUMB_SIDE, 3) uint8


def scan_images(catalog: Catalog, on_done: Callable[[int], None] | None = None) -> Scan:
    """Decode every image of a catalog. Raises DataError that lists all unreadable ones."""
    rows, problems = [], []
    for index, (item, row) in enumerate(zip(catalog.items, _scan_all(catalog), strict=True)):
        if isinstance(row, str):
            problems.append(f"{item.path}: {row}")
        else:
            rows.append(row)
        if on_done is not None:
            on_done(index + 1)
    if problems:
        raise report(catalog.root, problems, "Replace or remove these images and start again.")
    files, pixels, sides, thumbs = zip(*rows, strict=True)
    scan = Scan(files, pixels, sides, np.stack(thumbs))
    _refuse_conflicts(catalog, scan)
    return scan


def duplicate_links(catalog: Catalog, scan: Scan) -> list[tuple[int, int]]:
    """Pairs of items that must stay on one side: equal pixels, and near-duplicates when the
    catalog has no groups (up to NEAR_LIMIT images; turned and mirrored copies count)."""
    first: dict[str, int] = {}
    links = []
    for index, digest in enumerate(scan.pixel_hashes):
        if digest in first:
            links.append((first[digest], index))
        first.setdefault(digest, index)
    if not catalog.grouped and len(catalog.items) <= NEAR_LIMIT:
        links += near_duplicates(scan.thumbs)
    return links


def near_duplicates(thumbs: np.ndarray, threshold: float = NEAR) -> list[tuple[int, int]]:
    """Pairs (i < j) of thumbnails (N, S, S, 3) uint8 that correlate above ``threshold`` in one of
    the eight turned and mirrored positions."""
    base = _unit_vectors(thumbs)
    pairs: set[tuple[int, int]] = set()
    for turned in _eight_positions(thumbs):
        other = _unit_vectors(turned)
        for start in range(0, len(base), 2048):
            rows, columns = np.nonzero(base[start : start + 2048] @ other.T > threshold)
            rows = rows + start
            keep = rows < columns
            pairs.update(zip(rows[keep].tolist(), columns[keep].tolist(), strict=True))
    return sorted(pairs)


def _eight_positions(thumbs: np.ndarray) -> Iterator[np.ndarray]:
    for flip in (False, True):
        flipped = thumbs[:, :, ::-1] if flip else thumbs
        for turns in range(4):
            yield np.rot90(flipped, turns, axes=(1, 2))


def _unit_vectors(thumbs: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) -> (N, D) float32 of length 1 with zero mean per channel; blank ones zero."""
    values = thumbs.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    flat = np.ascontiguousarray(values).reshape(len(thumbs), -1)
    contrast = flat.std(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(contrast >= MIN_CONTRAST, flat / np.maximum(length, 1e-6), 0.0)


def _scan_all(catalog: Catalog) -> Iterator[tuple[str, str, int, np.ndarray] | str]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda item: _scan_one(catalog, item), catalog.items)


def _scan_one(catalog: Catalog, item: Item) -> tuple[str, str, int, np.ndarray] | str:
    """(file hash, pixel hash, shorter side, thumbnail), or what is wrong."""
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
    return file_hash(data), pixels.hexdigest()[:HASH_DIGITS], square.shape[0], thumb


def file_hash(data: bytes) -> str:
    """First 16 hex digits of the sha256 of a file's bytes."""
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]


def _refuse_conflicts(catalog: Catalog, scan: Scan) -> None:
    """The same picture under two labels teaches nothing and cannot be split."""
    first: dict[str, Item] = {}
    problems = []
    for item, digest in zip(catalog.items, scan.pixel_hashes, strict=True):
        other = first.setdefault(digest, item)
        if other.label != item.label:
            problems.append(
                f"{item.path} ({item.label}) is the same image as {other.path} ({other.label})"
            )
        elif other.split != item.split:
            problems.append(
                f"{item.path} ({item.split}) is the same image as {other.path} ({other.split})"
            )
    if problems:
        raise report(catalog.root, problems, "Keep one of each, with the right label and split.")
