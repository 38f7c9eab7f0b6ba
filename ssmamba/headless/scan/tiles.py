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
            file.write(f",\n{feature}" if number else f"\n{feature}")
        file.write("\n]}\n")


def _features(scan: SlideScan) -> Iterator[str]:
    """The JSON of each window; put together here, as ``json.dumps`` takes three times as long."""
    named, predicted = scan.names_class.tolist(), scan.predicted.tolist()
    offset, side = np.array(scan.bounds_offset), scan.plan.grid.side
    corners = (scan.cells[:, ::-1].astype(np.int64) * scan.plan.grid.step - offset).tolist()
    own = uuid.uuid5(NAMESPACE, f"{scan.slide_hash} {scan.model_sha256}")
    keys = [_json(info.name) for info in scan.card.classes]
    classes = [_classification(info.name, info.color) for info in scan.card.classes]
    doubts = [_classification(doubt_text(doubt), DOUBT_COLOR) if doubt else "" for doubt in CODES]
    shares, codes = scan.shares.astype(float).tolist(), scan.doubts.tolist()
    for at, ((x, y), (row, column)) in enumerate(zip(corners, scan.cells.tolist(), strict=True)):
        doubt, right, below = codes[at], x + side, y + side
        measured: dict[str, float] = {}
        if named[at]:
            values = [round(value, DIGITS) for value in scan.probabilities[at].tolist()]
            measured = dict(zip(keys, values, strict=True))
        measured |= {'"Tissue"': round(shares[at], 4), '"Sure"': int(not doubt)}
        shown = ", ".join([f"{key}: {value!r}" for key, value in measured.items()])
        yield (
            f'{{"type": "Feature", "id": "{uuid.uuid5(own, f"{row} {column}")}", '
            f'"geometry": {{"type": "Polygon", "coordinates": [[[{x}, {y}], [{right}, {y}], '
            f"[{right}, {below}], [{x}, {below}], [{x}, {y}]]]}}, "
            f'"properties": {{"objectType": "tile", '
            f'"classification": {doubts[doubt] or classes[predicted[at]]}, '
            f'"measurements": {{{shown}}}}}}}'
        )


def _classification(name: str, color: tuple[int, int, int]) -> str:
    return _json({"name": name, "color": list(color)})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


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
