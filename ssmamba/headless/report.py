"""The files that ``ssmamba.predict`` writes: results.json, results.csv and GeoJSON for QuPath."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ssmamba.checkpoints.card import Card
from ssmamba.engine.messages import ClassifyResult, ExplainResult
from ssmamba.files import keep_json, short_name, unwritten, written_whole
from ssmamba.headless.answers import Answer, answer_record, with_answers
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi

CAM_FIELDS = ("method", "stage", "target", "low", "high")


@dataclass(frozen=True)
class Finding:
    """One model's answer for one region of one input."""

    input: str
    roi: Roi
    card: Card
    result: ClassifyResult
    bounds_offset: tuple[int, int] = (0, 0)  # of the slide, in QuPath's coordinates
    cam: ExplainResult | None = None
    cam_file: str = ""  # file name beside results.json
    label: str = ""  # of the model, unique among those of the run

    @property
    def answer(self) -> Answer:
        label = self.label or self.card.name or Path(self.result.checkpoint).stem
        return Answer(label, self.card, self.result)


def write_findings(out: Path, findings: Sequence[Finding]) -> None:
    """Write all files; an earlier run's files of the same names are replaced.

    Raises DataError where the disk takes none; results.json is printed then.
    """
    records = [as_record(f) for f in findings]
    keep_json(out / "results.json", records, allow_nan=False)
    try:
        _write_csv(out / "results.csv", records)
        _write_regions(out, findings)
    except OSError as error:
        raise unwritten(out, error, "; results.json is there") from error


def _write_regions(out: Path, findings: Sequence[Finding]) -> None:
    inputs = list(dict.fromkeys(f.input for f in findings))
    rois = [roi for name in inputs for roi in _answered([f for f in findings if f.input == name])]
    offset = findings[0].bounds_offset if len(inputs) == 1 else (0, 0)
    write_rois(out / "rois.geojson", rois, offset)
    if len(inputs) > 1:  # QuPath wants a file for each slide
        for number, name in enumerate(inputs, start=1):
            own = [f for f in findings if f.input == name]
            file = out / f"rois-{number}-{short_name(Path(name).stem)}.geojson"
            write_rois(file, _answered(own), own[0].bounds_offset)


def as_record(finding: Finding) -> dict[str, Any]:
    """One entry of results.json."""
    result, card = finding.result, finding.card
    record: dict[str, Any] = {
        "input": finding.input,
        "roi_id": finding.roi.id,
        "roi_name": finding.roi.name,
        "model": result.checkpoint,
        "model_name": card.name,
        "mpp": result.stamp.mpp,
        "mode": result.stamp.mode,
        **answer_record(finding.answer, finding.roi.user_class),
        "entropy": result.trust.entropy,
        "distance": result.trust.distance,
        "notes": list(result.notes),
        "seconds": round(result.seconds, 4),
        "stamp": asdict(result.stamp),
    }
    if finding.cam is not None:
        record["cam"] = {k: getattr(finding.cam, k) for k in CAM_FIELDS}
        record["cam"]["file"] = finding.cam_file
    return record


def _write_csv(path: Path, records: Sequence[dict[str, Any]]) -> None:
    classes = list(dict.fromkeys(k for r in records for k in r["probabilities"]))
    plain = ("input", "roi_id", "roi_name", "model", "mpp", "mode", "windows", "read_share",
             "doubt", "predicted", "predicted_name", "confidence", "sure", "user_class",
             "agrees")  # fmt: skip
    header = [*plain, "left_out", "reasons", "notes", *(f"p_{c}" for c in classes)]
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for record in records:
            shares = [record["probabilities"].get(c, "") for c in classes]
            left_out = ", ".join(f"{n} {doubt}" for doubt, n in record["left_out"].items())
            texts = [left_out, " ".join(record["reasons"]), "; ".join(record["notes"])]
            writer.writerow([*(record[k] for k in plain), *texts, *shares])


def _answered(findings: Sequence[Finding]) -> list[Roi]:
    """The ROIs of one input, each once, with every model's answer."""
    of_region: dict[str, list[Finding]] = {}
    for finding in findings:
        of_region.setdefault(finding.roi.id, []).append(finding)
    rois = []
    for group in of_region.values():
        roi = with_answers(group[0].roi, [finding.answer for finding in group])
        metadata = {**roi.metadata, "input": Path(group[0].input).name}
        rois.append(replace(roi, metadata=metadata))
    return rois
