"""A slide's windows as QuPath's GeoJSON and as a table in WSInfer's layout.

Doubt comes first: a window with one has the doubt for its class, and where no class may be named it
has no probabilities either.
"""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ssmamba.files import written_whole
from ssmamba.headless.scan.result import DOUBT_COLOR, SlideScan
from ssmamba.reading.doubts import CODES, doubt_text

DIGITS = 7  # of a probability after the point
NAMESPACE = uuid.UUID("6f5f6d0e-93c5-4d53-8a3c-3f5a6c0f9a11")  # of the windows' ids


def write_geojson(path: Path, scan: SlideScan) -> None:
    """One tile object for each window, level-0 pixels from QuPath's origin. Raises OSError."""
    with written_whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, feature in enumerate(_features(scan)):
            file.write(("," if number else "") + "\n" + json.dumps(feature, ensure_ascii=False))
        file.write("\n]}\n")


def _features(scan: SlideScan) -> Iterator[dict[str, Any]]:
    classes = scan.card.classes
    named, predicted = scan.names_class.tolist(), scan.predicted.tolist()
    offset, side = np.array(scan.bounds_offset), scan.plan.grid.side
    corners = (scan.cells[:, ::-1].astype(np.int64) * scan.plan.grid.step - offset).tolist()
    own = uuid.uuid5(NAMESPACE, f"{scan.slide_hash} {scan.model_sha256}")
    for at, ((x, y), cell) in enumerate(zip(corners, scan.cells.tolist(), strict=True)):
        doubt, info = CODES[scan.doubts[at]], classes[predicted[at]]
        measured: dict[str, float] = {}
        if named[at]:
            values = scan.probabilities[at].tolist()
            measured = {c.name: round(v, DIGITS) for c, v in zip(classes, values, strict=True)}
        right, below = x + side, y + side
        ring = [[x, y], [right, y], [right, below], [x, below], [x, y]]
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(own, f"{cell[0]} {cell[1]}")),
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {
                "objectType": "tile",
                "classification": {
                    "name": doubt_text(doubt) if doubt else info.name,
                    "color": list(DOUBT_COLOR if doubt else info.color),
                },
                "measurements": {
                    **measured,
                    "Tissue": round(float(scan.shares[at]), 4),
                    "Sure": int(not doubt),
                },
            },
        }


def write_csv(path: Path, scan: SlideScan) -> None:
    """``minx,miny,width,height,prob_CLASS…`` in level-0 pixels of the whole slide, then what
    WSInfer does not know: ``predicted`` (empty where there is a doubt), ``doubt``, ``tissue``.

    Raises OSError.
    """
    keys = [info.key for info in scan.card.classes]
    header = ["minx", "miny", "width", "height", *(f"prob_{key}" for key in keys)]
    side, named, predicted = scan.plan.grid.side, scan.names_class.tolist(), scan.predicted.tolist()
    corners = (scan.cells[:, ::-1].astype(np.int64) * scan.plan.grid.step).tolist()
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "predicted", "doubt", "tissue"])
        for at, (x, y) in enumerate(corners):
            values = scan.probabilities[at].tolist() if named[at] else []
            shown = [f"{v:.{DIGITS}f}" for v in values] or [""] * len(keys)
            doubt = CODES[scan.doubts[at]]
            writer.writerow(
                [x, y, side, side, *shown, "" if doubt else keys[predicted[at]], doubt,
                 f"{scan.shares[at]:.4f}"]
            )  # fmt: skip
