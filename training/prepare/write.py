"""Write a prepared data set: images, manifest.csv, checksums, contact sheet, report."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssmamba.files import copy_file, write_json
from training.data.catalog import MANIFEST, SPLITS
from training.data.describe import OWN_FILE, DatasetInfo
from training.data.file_facts import FileFacts
from training.evaluation.written import markdown_table, write_csv
from training.prepare.contact_sheet import contact_sheet
from training.prepare.gather import Found

IMAGES = "images"
CHECKSUMS, SHEET = "sha256sums.txt", "contact_sheet.png"
REPORT, REPORT_DATA = "prepared.md", "prepared.json"


@dataclass(frozen=True)
class Prepared:
    """A data set ready to be written."""

    name: str  # as given to training.prepare
    info: DatasetInfo
    description: str | None  # text of dataset.yaml
    images: tuple[Found, ...]
    files: tuple[FileFacts, ...]  # in the same order
    splits: tuple[str, ...]
    differences: tuple[str, ...]  # from the published figures and the paper
    notes: tuple[str, ...]
    settings: dict[str, Any]

    def counts(self) -> dict[str, dict[str, int]]:
        """{split: {class key: images}}, as Dataset.counts."""
        found = Counter(zip(self.splits, (i.label for i in self.images), strict=True))
        keys = [c.key for c in self.info.classes]
        return {split: {key: found[split, key] for key in keys} for split in SPLITS}


def place_images(images: tuple[Found, ...], folder: Path, link: bool) -> None:
    """Link or copy the images to ``folder``/images; those already there stay."""
    for found in images:
        target = folder / IMAGES / found.name
        source = found.file
        there = target.exists() and target.stat().st_size == source.stat().st_size
        if target == source or there:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if not (link and _linked(source, target)):
            copy_file(source, target)


def write_tables(data: Prepared, folder: Path) -> None:
    """Everything but the images, into ``folder``."""
    rows = [
        {"path": f"{IMAGES}/{i.name}", "label": i.label, "group": i.group, "split": split}
        for i, split in zip(data.images, data.splits, strict=True)
    ]
    write_csv(folder / MANIFEST, rows)
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
    write_json(folder / REPORT_DATA, _as_json(data))


def report_text(data: Prepared) -> str:
    """Markdown: counts, groups, differences, notes, settings."""
    info, counts = data.info, data.counts()
    lines = [f"# {info.name}, prepared for training", ""]
    about = {"Tissue": info.tissue, "Stain": info.stain, "Licence": info.licence}
    about["Source"] = info.attribution
    lines += [f"- {label}: {text}" for label, text in about.items() if text]
    rows = []
    for c in info.classes:
        groups = {i.group for i in data.images if i.label == c.key and i.group}
        cells = [counts[split][c.key] for split in SPLITS]
        rows.append([f"{c.name} (`{c.key}`)", *cells, sum(cells), len(groups) or "none"])
    lines += ["", markdown_table(["class", *SPLITS, "all", "groups"], rows)]
    lines += ["", "## Against the published figures", ""]
    lines += [f"- {line}" for line in data.differences] or [
        "No differences (or no published figures)."
    ]
    if data.notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in data.notes)]
    lines += ["", "## Settings", ""]
    lines += [f"- {key}: {value}" for key, value in data.settings.items()]
    lines += ["", f"![Some images of each class]({SHEET})", ""]
    return "\n".join(lines)


def _as_json(data: Prepared) -> dict[str, Any]:
    counts = data.counts().items()
    return {
        "dataset": data.name,
        "counts": {
            c.key: {split: row[c.key] for split, row in counts if row[c.key]}
            for c in data.info.classes
        },
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
