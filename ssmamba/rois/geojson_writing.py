"""Regions as GeoJSON features that QuPath reads."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from ssmamba.rois.geojson_features import MEASURE, OWN_ID, Offset, is_uuid, moved
from ssmamba.rois.geojson_values import number_out, writable
from ssmamba.rois.roi import LINES, Point, Roi


def rois_to_geojson(rois: Iterable[Roi], offset: Offset = (0.0, 0.0)) -> dict[str, Any]:
    """A FeatureCollection that QuPath reads; ``offset`` is subtracted from every place.

    A coordinate reference system that all features share is the collection's.
    """
    back = (-offset[0], -offset[1])
    features = [_feature(roi, back) for roi in rois]
    systems = [feature.get("crs") for feature in features]
    if not systems or systems[0] is None or any(s != systems[0] for s in systems):
        return {"type": "FeatureCollection", "features": features}
    for feature in features:
        del feature["crs"]
    return {"type": "FeatureCollection", "crs": systems[0], "features": features}


def _feature(roi: Roi, offset: Offset) -> dict[str, Any]:
    others = writable(roi.extra.get("feature", {}))
    own = "id" in others and is_uuid(roi.id)
    return {
        "type": "Feature",
        "id": roi.id,
        "geometry": _geometry(roi, offset),
        "properties": _properties(roi),
        **({OWN_ID: roi.id} if own else {}),
        **others,
    }


def _geometry(roi: Roi, offset: Offset) -> dict[str, Any]:
    rings = [[[_place(p, offset) for p in ring] for ring in part] for part in roi.polygons]
    if "beyond" in roi.extra:
        for ring, tails in zip(chain(*rings), chain(*_beyond(roi)), strict=True):
            for place, tail in zip(ring, tails, strict=True):
                place.extend(tail)
    parts: list[Any]
    if roi.kind == "point":
        kind, parts = "Point", rings[0][0]
    elif roi.kind in LINES:
        kind, parts = "LineString", [part[0] for part in rings]
    else:
        kind, parts = "Polygon", [[[*ring, ring[0]] for ring in part] for part in rings]
    kind, places = (kind, parts[0]) if len(parts) == 1 else (f"Multi{kind}", parts)
    ellipse = {"isEllipse": True} if roi.kind == "ellipse" else {}
    others = writable(roi.extra.get("geometry", {}))
    return {"type": kind, "coordinates": places, **ellipse, **others}


def _beyond(roi: Roi) -> list[list[list[list[float]]]]:
    """What each vertex held beyond x and y in the file.

    Where vertices were added or removed since, only what all of them shared is known.
    """
    found = roi.extra["beyond"]
    sizes = [[len(ring) for ring in rings] for rings in roi.polygons]
    if [[len(ring) for ring in rings] for rings in found] == sizes:
        return found
    tails = [tail for rings in found for ring in rings for tail in ring]
    shared = tails[0] if tails and all(tail == tails[0] for tail in tails) else []
    return [[[shared] * size for size in part] for part in sizes]


def _place(point: Point, offset: Offset) -> list[float]:
    return [_short(moved(v, by)) for v, by in zip(point, offset, strict=True)]


def _short(value: float) -> float:
    return int(value) if value == int(value) else value


def _properties(roi: Roi) -> dict[str, Any]:
    result: dict[str, Any] = {
        "objectType": "annotation",
        **writable(roi.extra.get("properties", {})),
    }
    if result["objectType"] is None:
        del result["objectType"]
    if roi.name:
        result["name"] = roi.name
    class_extra = writable(roi.extra.get("classification", {}))
    class_owns_color = class_extra.pop("owns_color", False) and bool(roi.class_name)
    if roi.color is not None and not class_owns_color:
        result["color"] = list(roi.color)
    if roi.class_name:
        result["classification"] = _classification(roi, class_extra)
    if roi.locked:
        result["isLocked"] = True
    if roi.hidden:
        result["isHidden"] = True
    if roi.measurements:
        result["measurements"] = {k: number_out(v) for k, v in roi.measurements.items()}
    measure = {MEASURE: roi.kind} if roi.kind in ("ruler", "angle") else {}
    if roi.metadata or measure:
        result["metadata"] = {**roi.metadata, **measure}
    return result


def _classification(roi: Roi, extra: dict[str, Any]) -> dict[str, Any]:
    """With a name beside any names, without which dlup refuses the file; no colour if there is
    none."""
    names = extra.get("names")
    if names is not None and ": ".join(str(n) for n in names) != roi.class_name:
        del extra["names"]  # the class was changed here
    color = extra.pop("color", None) or (list(roi.color) if roi.color else None)
    return {"name": roi.class_name, **({} if color is None else {"color": color}), **extra}
