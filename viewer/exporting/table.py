"""A table of answers, a row for each region and model, as CSV, TSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ssmamba.errors import DataError
from ssmamba.headless.answers import answer_record
from viewer.exporting.facts import Facts, RegionAnswer, RegionFacts
from viewer.exporting.saving import save_bytes
from viewer.text.tr import tr

ENDINGS = (".csv", ".tsv", ".json")
# as results.csv of ssmamba.predict names them; what predict does not know stands at its place
REGION = ("roi_name", "roi_id", "user_class", "area_px2", "area_um2", "slide_mpp")
ANSWER = ("model", "doubt", "sure", "predicted", "predicted_name", "confidence", "agrees",
          "outdated", "read_share", "windows", "left_out", "reasons", "notes")  # fmt: skip
STAMP = ("mode", "mpp", "icc", "slide", "slide_hash", "checkpoint_sha256", "device",
         "scan_backend", "precision", "time")  # fmt: skip


def write_table(path: Path | str, facts: Facts) -> None:
    """Write the table in the format that the file's ending names.

    A region without an answer has one row without a model. Raises DataError.
    """
    save_bytes(path, table_bytes(Path(path).suffix.lower(), facts))


def table_bytes(ending: str, facts: Facts) -> bytes:
    """The file's content. Raises DataError for an ending that is not in ENDINGS."""
    records = list(_records(facts))
    if ending == ".json":
        text = json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode()
    if ending not in ENDINGS:
        text = tr("A table ends in {endings}, not “{ending}”; choose one of these endings.")
        raise DataError(text.format(endings=", ".join(ENDINGS), ending=ending))
    return _separated(records, "," if ending == ".csv" else "\t")


def _records(facts: Facts) -> Iterator[dict[str, Any]]:
    for region in facts.regions:
        about = _region(region, facts)
        for answer in region.answers:
            yield {**about, **_answer(answer, region), **_stamp(answer)}
        if not region.answers:
            yield about


def _region(region: RegionFacts, facts: Facts) -> dict[str, Any]:
    from ssmamba.rois.geometry import area_of  # shapely loads slowly

    area = area_of(region.roi)
    return {
        "roi_name": region.roi.name,
        "roi_id": region.roi.id,
        "user_class": region.roi.user_class or None,
        "area_px2": area,
        "area_um2": None if facts.mpp is None else area * facts.mpp**2,
        "slide": facts.info.name,
        "slide_hash": facts.info.quick_hash,
        "slide_mpp": facts.mpp,
    }


def _answer(answer: RegionAnswer, region: RegionFacts) -> dict[str, Any]:
    return {
        "model": answer.label,
        **answer_record(answer.answer, region.roi.user_class),
        "outdated": answer.outdated,
        "notes": list(answer.result.notes),
    }


def _stamp(answer: RegionAnswer) -> dict[str, Any]:
    stamp = asdict(answer.result.stamp)
    shared = {name: stamp[name] for name in STAMP if name in stamp}
    return {**shared, "stamp": stamp}


def _separated(records: Sequence[dict[str, Any]], delimiter: str) -> bytes:
    """Text with a byte order mark, without which Excel takes it for another encoding."""
    classes = list(dict.fromkeys(k for r in records for k in r.get("probabilities", ())))
    columns = [*REGION, *ANSWER, *STAMP]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow([*columns, *(f"p_{name}" for name in classes)])
    for record in records:
        shares = [record.get("probabilities", {}).get(name, "") for name in classes]
        writer.writerow([*(_cell(record.get(name)) for name in columns), *shares])
    return file.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    return "; ".join(value) if isinstance(value, list) else value
