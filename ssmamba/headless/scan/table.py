"""summary.csv: a line for each slide of a run, also for those without results."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssmamba.checkpoints.card import Card
from ssmamba.files import unwritten, written_whole
from ssmamba.headless.scan.cohort import Entry
from ssmamba.reading.doubts import ORDER

DONE = "done"
TABLE_FILE = "summary.csv"
DOUBTS = [doubt for doubt in ORDER if doubt != "partial"]  # of a window


@dataclass(frozen=True)
class State:
    """How far a slide is."""

    entry: Entry
    status: str  # DONE, or "missing"
    reason: str  # why it has no results; "" if it has
    summary: dict[str, Any] = field(default_factory=dict)


def write_table(out: Path, states: Sequence[State], card: Card) -> None:
    """Raises DataError where the disk takes none."""
    keys = [info.key for info in card.classes]
    header = [
        *("slide", "patient", "folder", "status", "reason", "slide_mpp", "tile_side_px", "tiles"),
        *(f"tiles_{key}" for key in keys),
        *(f"area_mm2_{key}" for key in keys),
        *(f"doubt_{doubt}" for doubt in DOUBTS),
    ]
    try:
        with (
            written_whole(out / TABLE_FILE) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(_row(state, keys) for state in states)
    except OSError as error:
        raise unwritten(out / TABLE_FILE, error) from error


def _row(state: State, keys: Sequence[str]) -> list[Any]:
    entry, summary = state.entry, state.summary
    row = [str(entry.path), entry.patient, entry.name, state.status, state.reason]
    if not summary:
        return row
    classes = {r["class"]: r for r in summary["areas"] if "class" in r}
    doubts = {r["doubt"]: r for r in summary["areas"] if "doubt" in r}
    row += [summary["slide_mpp"], summary["tile_side_px"], summary["tiles"]]
    row += [classes[key]["tiles"] for key in keys]
    row += [classes[key]["area_mm2"] for key in keys]
    return row + [doubts[doubt]["tiles"] if doubt in doubts else 0 for doubt in DOUBTS]
