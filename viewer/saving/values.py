"""The JSON of regions, and of what was seen of a slide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmamba.rois.geojson import rois_from_geojson, rois_to_geojson
from ssmamba.rois.roi import Roi
from viewer.saving.packing import from_json, to_json
from viewer.state.seen import Seen, cell_of

FARTHEST_PX = 2.0**31  # from the origin of a slide; no slide is as wide


def region_to_json(roi: Roi) -> dict[str, Any]:
    collection = rois_to_geojson([roi])
    (feature,) = collection["features"]
    return {**feature, "crs": collection["crs"]} if "crs" in collection else feature


def region_from_json(value: Any, roi_id: str) -> Roi:
    """Raises ValueError for what is no region."""
    found = rois_from_geojson(value)
    if len(found) != 1:
        raise ValueError(f"{roi_id} is no region")
    return replace(found[0], id=roi_id)


@dataclass(frozen=True)
class _KeptSeen:
    width: int
    height: int
    steps: bytes


def seen_to_json(seen: Seen) -> Any:
    return to_json(_KeptSeen(seen.width, seen.height, seen.steps.tobytes()))


def seen_from_json(value: Any) -> Seen:
    """Raises ValueError for what cannot be."""
    kept = from_json(_KeptSeen, value)
    require(0 < kept.width < FARTHEST_PX and 0 < kept.height < FARTHEST_PX, kept.width)
    cell = cell_of(kept.width, kept.height)
    rows, columns = -(-kept.height // cell), -(-kept.width // cell)
    require(len(kept.steps) == rows * columns, value)
    steps = np.frombuffer(kept.steps, np.uint8).reshape(rows, columns)
    return Seen(kept.width, kept.height, steps)


def require(fits: bool, value: object) -> None:
    if not fits:
        raise ValueError(f"{value!r:.40} cannot be")
