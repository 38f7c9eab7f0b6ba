"""The areas of the classes on a whole slide, as a table of its own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssmamba.errors import DataError
from ssmamba.slides.slide import SlideInfo
from viewer.exporting.saving import save_bytes
from viewer.exporting.table import ENDINGS
from viewer.state.slide_scan import Area, ScanHead, ScanMap
from viewer.text.tr import tr

UM2_PER_MM2 = 1e6


@dataclass(frozen=True)
class ScanFacts:
    """What a table of areas says, as it was when it was asked for."""

    info: SlideInfo
    mpp: float | None  # µm per level-0 pixel; None = unknown
    head: ScanHead
    done: int  # windows that were read
    areas: tuple[Area, ...]


def scan_facts(info: SlideInfo, mpp: float | None, found: ScanMap) -> ScanFacts:
    """Copied now, for a worker to write."""
    return ScanFacts(info, mpp, found.head, found.done, tuple(found.areas()))


def write_areas(path: Path | str, facts: ScanFacts) -> None:
    """A row for each class, whose windows are sure, then one for each doubt. Raises DataError."""
    ending, records = Path(path).suffix.lower(), list(_records(facts))
    if ending not in ENDINGS:
        text = tr("A table ends in {endings}, not “{ending}”; choose one of these endings.")
        raise DataError(text.format(endings=", ".join(ENDINGS), ending=ending))
    if ending == ".json":
        text = json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False)
        save_bytes(path, (text + "\n").encode())
        return
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(records[0]), delimiter="," if ending == ".csv" else "\t")
    writer.writeheader()
    writer.writerows(records)
    save_bytes(path, file.getvalue().encode("utf-8-sig", "replace"))  # as Excel needs it


def _records(facts: ScanFacts) -> Iterator[dict[str, Any]]:
    head, stamp = facts.head, facts.head.stamp
    for area in facts.areas:
        um2 = None if facts.mpp is None else area.px2 * facts.mpp**2
        yield {
            "slide": facts.info.name,
            "kind": "doubt" if area.is_doubt else "class",
            "key": area.key,
            "name": area.name,
            "windows": area.windows,
            "share": area.share,
            "area_px2": area.px2,
            "area_mm2": None if um2 is None else um2 / UM2_PER_MM2,
            "windows_read": facts.done,
            "windows_in_all": head.windows,
            "window_side_px": head.side,
            "slide_mpp": facts.mpp,
            "mpp": stamp.mpp,
            "model": head.model_name,
            "checkpoint_sha256": head.model_sha256,
            "slide_hash": facts.info.quick_hash,
            "time": stamp.time,
            "tissue_corrected": head.correction.is_any,
        }
