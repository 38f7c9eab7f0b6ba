"""Write a prepared data set: images, manifest.csv, checksums, contact sheet, report."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.catalog import MANIFEST, SPLITS
from training.data.describe import OWN_FILE, DatasetInfo
from training.data.file_facts import FileFacts
from training.prepare.contact_sheet import contact_sheet
from training.prepare.gather import Found

IMAGES = "images"
CHECKSUMS, SHEET = "sha256sums.txt", "contact_sheet.png"
REPORT, REPORT_DATA = "prepared.md", "prepared.json"


@dataclass(frozen=True)
class Prepared:
    """All that is to be written."""

    name: str  # as given to training.prepare
    info: DatasetInfo
    description: str | None  # text of dataset.yaml
    images: tuple[Found, ...]
    files: tuple[FileFacts, ...]  # in the same order
    splits: tuple[str, ...]
    differences: tuple[str, ...]  # from the published figures and the paper
    notes: tuple[str, ...]
    settings: dict[str, Any]


def place_images(images: tuple[Found, ...], folder: Path, link: bool) -> None:
    """Link or copy the images to ``folder``/images; those already there stay."""
    for found in images:
        target = folder / IMAGES / found.name
        if target == found.file or (target.exists() and _same_size(target, found.file)):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if link and _linked(found.file, target):
            continue
        shutil.copyfile(found.file, target)


def write_tables(data: Prepared, folder: Path) -> None:
    """Everything but the images, into ``folder``."""
    with (folder / MANIFEST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "label", "group", "split"])
        for found, split in zip(data.images, data.splits, strict=True):
            writer.writerow([f"{IMAGES}/{found.name}", found.label, found.group, split])
    pairs = zip(data.images, data.files, strict=True)
    sums = "".join(f"{facts.sha256}  {IMAGES}/{found.name}\n" for found, facts in pairs)
    (folder / CHECKSUMS).write_text(sums, encoding="utf-8")
    if data.description is not None:
        (folder / OWN_FILE).write_text(data.description, encoding="utf-8")
    names = {c.key: c.name for c in data.info.classes}
    by_class = {
        key: [folder / IMAGES / i.name for i in data.images if i.label == key] for key in names
    }
    contact_sheet(by_class, names.__getitem__).save(folder / SHEET)
    (folder / REPORT).write_text(report_text(data), encoding="utf-8")
    (folder / REPORT_DATA).write_text(json.dumps(_as_json(data), indent=2) + "\n", encoding="utf-8")


def report_text(data: Prepared) -> str:
    """Markdown: counts, groups, differences, notes, settings."""
    info, counts = data.info, _counts(data)
    lines = [f"# {info.name}, prepared for training", ""]
    lines += [f"- {label}: {text}" for label, text in _about(info) if text]
    lines += ["", f"| class | {' | '.join(SPLITS)} | all | groups |", "|---" * 6 + "|"]
    for c in info.classes:
        row = counts[c.key]
        groups = {i.group for i in data.images if i.label == c.key and i.group}
        cells = [str(row[split]) for split in SPLITS]
        lines.append(
            f"| {c.name} (`{c.key}`) | {' | '.join(cells)} | {sum(row.values())} | "
            f"{len(groups) or 'none'} |"
        )
    lines += ["", "## Against the published figures", ""]
    lines += [f"- {line}" for line in data.differences] or ["No difference (or none is known)."]
    if data.notes:
        lines += ["", "## To know", "", *(f"- {note}" for note in data.notes)]
    lines += ["", "## Settings", ""]
    lines += [f"- {key}: {value}" for key, value in data.settings.items()]
    lines += ["", f"![Some images of each class]({SHEET})", ""]
    return "\n".join(lines)


def _about(info: DatasetInfo) -> list[tuple[str, str]]:
    return [
        ("Tissue", info.tissue),
        ("Stain", info.stain),
        ("Licence", info.licence),
        ("Source", info.attribution),
    ]


def _counts(data: Prepared) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {c.key: Counter() for c in data.info.classes}
    for found, split in zip(data.images, data.splits, strict=True):
        counts[found.label][split] += 1
    return counts


def _as_json(data: Prepared) -> dict[str, Any]:
    return {
        "dataset": data.name,
        "counts": {key: dict(row) for key, row in _counts(data).items()},
        "groups": len({i.group for i in data.images if i.group}),
        "differences": list(data.differences),
        "notes": list(data.notes),
        "settings": data.settings,
    }


def _linked(source: Path, target: Path) -> bool:
    """Make a hard link; False where the disk or its rights do not allow one."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        return False
    return True


def _same_size(first: Path, second: Path) -> bool:
    return first.stat().st_size == second.stat().st_size
