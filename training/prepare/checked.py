"""Checks of gathered images, and the data set made of them: decoded, grouped, split, described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

from ssmamba.errors import DataError
from training.data.catalog import SPLITS, Catalog, Item, report
from training.data.dataset import missing_classes
from training.data.describe import OWN_FILE, DatasetInfo, describe
from training.data.scan import Findings, Scan, duplicate_links, examine_images
from training.loop.progress import Progress
from training.prepare.compare import differences
from training.prepare.config import PrepareConfig
from training.prepare.gather import Gathered
from training.prepare.registry import (
    GENERATED,
    GROUPED_BY_CONTENT,
    OWN_SETS,
    description,
    facts,
)
from training.prepare.splitting import choose_splits, contradictions, with_field_groups
from training.prepare.write import Prepared

NAMED = 3  # files named in a note
FREE_TO_CHANGE = ("resume", "source", "out", "files")


def check(name: str, config: PrepareConfig, gathered: Gathered) -> Prepared:
    """Decode every image, group and split. Raises DataError that lists all problems."""
    source = config.out if name == GENERATED else config.folder
    catalog = _catalog(source, gathered)
    with Progress("Checking images", len(catalog.items)) as progress:
        found = examine_images(catalog, progress.update)
    kept, left_out = _settle(name, catalog, found)
    conflicts = () if left_out else found.conflicts
    info, undescribed = _describe(name, catalog, source, gathered.description)
    kinds: list[Sequence[str]] = [gathered.problems, undescribed, found.unreadable, conflicts]
    scan = found.scan
    if any(kinds) or scan is None or info is None:
        if catalog.items:
            kinds.append(_empty(catalog, choose_splits(catalog.items, config.split_seed, [])))
        raise report(source, kinds)
    catalog = replace(catalog, items=tuple(catalog.items[i] for i in kept))
    scan = _rows(scan, kept)
    if name in GROUPED_BY_CONTENT or config.find_copies:
        catalog = replace(catalog, items=with_field_groups(catalog))
    sides = choose_splits(catalog.items, config.split_seed, duplicate_links(catalog, scan))
    if empty := _empty(catalog, sides):
        raise report(source, [empty])
    images = tuple(
        replace(gathered.images[i], group=item.group)
        for i, item in zip(kept, catalog.items, strict=True)
    )
    notes = [*gathered.notes, *left_out]
    notes += [f"Converted to 8-bit RGB on reading: {found.modes}."] if found.modes else []
    told = tuple(differences(facts(name), images, scan.files))
    text = _description(name, source, gathered)
    return Prepared(
        name, info, text, images, scan.files, sides, told, tuple(notes), settings(name, config)
    )


def settings(name: str, config: PrepareConfig) -> dict[str, Any]:
    """The flags that determine the result."""
    values = {k: v for k, v in asdict(config).items() if k not in FREE_TO_CHANGE}
    paths = {name: str(getattr(config, name) or "") for name in ("labels", "annotations")}
    return {**values, **paths, "dataset": name}


def _catalog(source: Path, gathered: Gathered) -> Catalog:
    """The images as a catalog of the source; regions cut from slides are outside of it."""
    items = []
    for found in gathered.images:
        inside = found.file.is_relative_to(source)
        path = found.file.relative_to(source).as_posix() if inside else str(found.file.absolute())
        items.append(Item(path, found.label, found.group, found.split))
    return Catalog(source, tuple(items), tuple(sorted({item.label for item in items})))


def _settle(name: str, catalog: Catalog, found: Findings) -> tuple[list[int], list[str]]:
    """Rows to keep, and a note on those of a published set that contradict each other.

    A user's own contradictions are problems to solve; those of a published set are left out.
    """
    rows = list(range(len(catalog.items)))
    if name in OWN_SETS or found.scan is None or not found.conflicts:
        return rows, []
    out = set(contradictions(catalog.items, found.scan.pixel_hashes))
    shown = "; ".join(found.conflicts[:NAMED]) + (" …" if len(found.conflicts) > NAMED else "")
    note = f"{len(out)} images are left out because the same image appears elsewhere: {shown}."
    return [i for i in rows if i not in out], [note]


def _rows(scan: Scan, kept: list[int]) -> Scan:
    return Scan(
        tuple(scan.file_hashes[i] for i in kept),
        tuple(scan.pixel_hashes[i] for i in kept),
        tuple(scan.sides[i] for i in kept),
        scan.thumbs[kept],
        tuple(scan.files[i] for i in kept),
    )


def _empty(catalog: Catalog, sides: Sequence[str]) -> list[str]:
    """Problems of classes that are missing in a split."""
    rows = {name: [i for i, side in enumerate(sides) if side == name] for name in SPLITS}
    return missing_classes(catalog, rows, SPLITS)


def _describe(
    name: str, catalog: Catalog, source: Path, made: Path | None
) -> tuple[DatasetInfo | None, list[str]]:
    try:
        if made is not None:
            return describe(catalog.classes, source, made), []
        if name in OWN_SETS:
            return describe(catalog.classes, source), []
        bundled = resources.files("resources") / "configs" / "datasets" / f"{name}.yaml"
        with resources.as_file(bundled) as path:
            return describe(catalog.classes, source, path), []
    except DataError as error:
        return None, [str(error)]


def _description(name: str, source: Path, gathered: Gathered) -> str | None:
    """Text of the dataset.yaml to write beside the images."""
    if gathered.description is not None:
        return gathered.description.read_text(encoding="utf-8")
    own, mpp = source / OWN_FILE, gathered.mpp
    if name in OWN_SETS:
        return own.read_text(encoding="utf-8") if own.is_file() else None
    text = description(name) or ""
    return text if mpp is None else f"{text}mpp: {mpp}\n"
