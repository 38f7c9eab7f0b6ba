"""Measurements of regions as a table: a row for each region, one unit a column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.rois.measures import angle_of, diameter_of, length_of, perimeter_of, point_count
from ssmamba.rois.roi import LINES, Roi
from viewer.exporting.saving import save_bytes
from viewer.exporting.table import ENDINGS
from viewer.text.tr import tr

Cell = str | float | int | None
Row = tuple[Cell, ...]
KINDS = {
    "polygon": tr("Polygon"), "rectangle": tr("Rectangle"), "ellipse": tr("Ellipse"),
    "point": tr("Points"), "line": tr("Line"), "ruler": tr("Ruler"), "angle": tr("Angle"),
}  # fmt: skip
DIGITS = 3  # after the point


@dataclass(frozen=True)
class Measurements:
    """A table: the names of the columns with their units, and rows of as many values."""

    columns: Sequence[str]
    rows: Sequence[Row]


def measurements(
    rois: Iterable[Roi],
    mpp: float | None,
    kept: MutableMapping[str, tuple[Roi, float | None, Row]] | None = None,
) -> Measurements:
    """What can be measured of each region; None = it has no such measure.

    mpp: µm per level-0 pixel; None = lengths in px and areas in px². The largest diameter is the
    largest distance of two places of a region. kept: rows that were measured before, by the
    region's id; those of regions that have changed are measured anew, and all are put there.
    """
    kept = {} if kept is None else kept
    rows = []
    for roi in rois:
        before = kept.get(roi.id)
        if before is None or before[0] is not roi or before[1] != mpp:
            before = kept[roi.id] = roi, mpp, _row(roi, mpp)
        rows.append(before[2])
    unit = "px" if mpp is None else "µm"
    columns = (
        tr("Region"), tr("Your class"), tr("Kind"), tr("Area, {unit}²").format(unit=unit),
        tr("Perimeter, {unit}").format(unit=unit), tr("Length, {unit}").format(unit=unit),
        tr("Largest diameter, {unit}").format(unit=unit), tr("Angle, °"), tr("Points"), tr("Note"),
    )  # fmt: skip
    return Measurements(columns, rows)


def _row(roi: Roi, mpp: float | None) -> Row:
    from ssmamba.rois.geometry import area_of  # shapely loads slowly

    scale = 1.0 if mpp is None else mpp
    return (
        roi.name,
        roi.user_class,
        KINDS[roi.kind],
        _rounded(area_of(roi) * scale**2) if roi.has_area else None,
        _rounded(perimeter_of(roi) * scale) if roi.has_area else None,
        _rounded(length_of(roi) * scale) if roi.kind in LINES else None,
        _rounded(diameter_of(roi) * scale) if roi.has_area else None,
        _rounded(angle_of(roi)) if roi.kind == "angle" else None,
        point_count(roi) or None,
        roi.note,
    )


def as_text(table: Measurements, delimiter: str = "\t") -> str:
    """The table as separated values; a spreadsheet takes tabs from the clipboard."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return file.getvalue()


def write_measurements(path: Path | str, table: Measurements) -> None:
    """Write the table in the format that the file's ending names. Raises DataError."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        text = tr("A table ends in {endings}, not “{ending}”; choose one of these endings.")
        raise DataError(text.format(endings=", ".join(ENDINGS), ending=ending))
    if ending == ".json":
        records = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        text = json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        save_bytes(path, text.encode("utf-8", "replace"))
    else:
        text = as_text(table, "," if ending == ".csv" else "\t")
        save_bytes(path, text.encode("utf-8-sig", "replace"))  # as Excel needs it


def _rounded(value: float) -> float:
    return round(value, DIGITS)
