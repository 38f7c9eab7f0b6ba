"""A slide's regions as training data: GeoJSON and a line in a table, for ``training.prepare``."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.files import short_name
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi
from viewer.exporting.facts import Facts
from viewer.exporting.saving import save_bytes
from viewer.text.tr import tr

TABLE = "slides.csv"  # what ``training.prepare slides --source`` reads
COLUMNS = ("slide", "patient", "mpp", "annotations")

DELIMITERS = (",", ";", "\t")  # as spreadsheets write them

Row = dict[str, str]


def own_classes(facts: Facts) -> list[Roi]:
    """The regions with the classes that the user gave; those of models are no truth."""
    rois = [region.roi for region in facts.regions]
    return [roi if roi.user_class else replace(roi, class_name="") for roi in rois]


def write_for_training(folder: Path | str, facts: Facts) -> None:
    """Write the regions into a folder, and the slide into its table.

    The table may hold other slides, and columns that the user added: they stay. A region file of
    another origin is not replaced. Raises DataError and RoiError.
    """
    folder, slide = Path(folder), Path(facts.info.path).absolute()
    columns, rows, delimiter = _table(folder / TABLE)
    row = next((row for row in rows if _is(row, folder, slide)), None)
    known = row is not None
    row = dict.fromkeys(columns, "") if row is None else row
    if not row["annotations"]:
        row["annotations"] = _free_name(folder, slide, {r["annotations"] for r in rows})
    inside = slide.is_relative_to(folder.absolute())
    row["slide"] = slide.relative_to(folder.absolute()).as_posix() if inside else str(slide)
    row["mpp"] = "" if facts.mpp is None else f"{facts.mpp:.6g}"
    write_rois(folder / row["annotations"], own_classes(facts), facts.info.bounds_offset)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows if known else [*rows, row])
    save_bytes(folder / TABLE, text.getvalue().encode())


def _table(path: Path) -> tuple[list[str], list[Row], str]:
    """Columns, rows and delimiter of the table so far. Raises DataError."""
    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
        delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
        lines = io.StringIO(text, newline="")
        reader = csv.DictReader(lines, restval="", delimiter=delimiter, strict=True)
        rows = list(reader)
        columns = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unusable(path) from error
    if (columns and "slide" not in columns) or any(None in row for row in rows):
        raise _unusable(path)
    columns += [name for name in COLUMNS if name not in columns]
    return columns, [{name: row.get(name) or "" for name in columns} for row in rows], delimiter


def _unusable(path: Path) -> DataError:
    text = tr("{path} is not a table of slides for training; choose another folder.")
    return DataError(text.format(path=path))


def _is(row: Row, folder: Path, slide: Path) -> bool:
    return bool(row["slide"]) and (folder / row["slide"]).resolve() == slide.resolve()


def _free_name(folder: Path, slide: Path, taken: set[str]) -> str:
    """A name for the slide's region file that neither a file nor another slide has."""
    stem = short_name(slide.stem)
    number, name = 1, f"{stem}.geojson"
    while name in taken or (folder / name).exists():
        number += 1
        name = f"{stem}-{number}.geojson"
    return name
