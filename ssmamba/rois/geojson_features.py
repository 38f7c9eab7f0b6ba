"""Regions to and from GeoJSON features as QuPath writes them.

Places are full-resolution pixels, origin top-left, y down; rings after the first are holes.
QuPath crops slides that carry ``openslide.bounds-*``, so that offset is subtracted in its files.

What this project does not know of a feature is kept in ``Roi.extra`` and written back:
``{"feature": {...}, "geometry": {...}, "properties": {...}, "classification": {...}}``.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ssmamba.errors import RoiError
from ssmamba.rois.roi import Kind, Point, Ring, Rings, Roi

Offset = tuple[float, float]
AREAS = ("Polygon", "MultiPolygon")
LINES = ("LineString", "MultiLineString")
POINTS = ("Point", "MultiPoint")
DEFAULT_CLASS_COLOR = (200, 0, 0)  # QuPath wants a colour with each class
OWN_ID = "ssmamba_id"  # a region's own id, in a feature whose "id" is another program's
_DIGITS = 6  # of a coordinate that was moved by the bounds offset


# --- reading ---------------------------------------------------------------------------------
def rois_from_geojson(
    document: Any, offset: Offset = (0.0, 0.0), name: str = "GeoJSON"
) -> list[Roi]:
    """Regions of a parsed document: collection, feature, geometry, or an array of these."""
    try:
        return [roi for item in _features(document) for roi in _rois_of(item, offset)]
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise RoiError(
            f"{name} has a feature that does not follow GeoJSON ({error}); export the regions "
            "again from QuPath."
        ) from error


def _features(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        for item in document:
            yield from _features(item)
        return
    kind = document.get("type")
    if kind == "FeatureCollection":
        yield from _features(document["features"])
    elif kind == "Feature":
        yield document
    elif kind in (*AREAS, *LINES, *POINTS, "GeometryCollection"):
        yield {"type": "Feature", "geometry": document, "properties": {}}
    else:
        raise ValueError(f"unknown type {kind!r}")


def _rois_of(feature: dict[str, Any], offset: Offset) -> Iterator[Roi]:
    geometry = feature.get("geometry")
    if geometry is None:
        return
    parts = geometry["geometries"] if geometry["type"] == "GeometryCollection" else [geometry]
    for index, part in enumerate(parts):
        polygons, kind = _geometry(part, offset)
        if not polygons:
            continue
        roi = _with_properties(Roi(polygons, kind=kind), feature, part)
        yield roi if index == 0 else replace(roi, id=str(uuid.uuid4()))


def _geometry(geometry: dict[str, Any], offset: Offset) -> tuple[tuple[Rings, ...], Kind]:
    kind, places = geometry["type"], geometry["coordinates"]
    if kind in POINTS:
        points = [places] if kind == "Point" else places
        ring = _points(points, offset)
        return (((ring,),) if ring else ()), "point"
    if kind in LINES:
        lines = [places] if kind == "LineString" else places
        return tuple((_points(line, offset),) for line in lines if line), "line"
    if kind not in AREAS:
        raise ValueError(f"unknown geometry {kind!r}")
    areas = [places] if kind == "Polygon" else places
    polygons = tuple(rings for rings in (_rings(area, offset) for area in areas) if rings)
    if geometry.get("isEllipse"):
        return polygons, "ellipse"
    return polygons, "rectangle" if _is_rectangle(polygons) else "polygon"


def _rings(area: Sequence[Any], offset: Offset) -> Rings:
    rings = [_open(_points(loop, offset)) for loop in area]
    if not rings or len(rings[0]) < 3:
        return ()
    return tuple(ring for ring in rings if len(ring) >= 3)


def _points(places: Sequence[Any], offset: Offset) -> Ring:
    return tuple(_point(place, offset) for place in places)


def _point(place: Sequence[Any], offset: Offset) -> Point:
    x, y = float(place[0]), float(place[1])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError("a coordinate is not a number")
    return _moved(x, offset[0]), _moved(y, offset[1])


def _moved(value: float, by: float) -> float:
    return round(value + by, _DIGITS) if by else value


def _open(ring: Ring) -> Ring:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _is_rectangle(polygons: tuple[Rings, ...]) -> bool:
    """One ring of four corners whose sides run along the axes."""
    if len(polygons) != 1 or len(polygons[0]) != 1 or len(polygons[0][0]) != 4:
        return False
    a, b, c, d = polygons[0][0]
    level_first = a[1] == b[1] and b[0] == c[0] and c[1] == d[1] and d[0] == a[0]
    upright_first = a[0] == b[0] and b[1] == c[1] and c[0] == d[0] and d[1] == a[1]
    return (level_first or upright_first) and a[0] != c[0] and a[1] != c[1]


def _with_properties(roi: Roi, feature: dict[str, Any], geometry: dict[str, Any]) -> Roi:
    properties = dict(feature.get("properties") or {})
    classification = properties.pop("classification", None)
    class_name, class_color, class_extra = _classification(classification)
    own_color = _color(properties.pop("color", None))
    color = own_color or class_color
    if class_color is not None and class_color != color:
        class_extra["color"] = list(class_color)
    if own_color is None and class_color is not None:
        class_extra["owns_color"] = True
    if properties.get("objectType") == "annotation":
        del properties["objectType"]
    elif "objectType" not in properties and feature.get("properties"):
        properties["objectType"] = None  # absent in the file, and stays so
    locked = properties.pop("isLocked", False)
    changes: dict[str, Any] = {
        "name": str(properties.pop("name", None) or ""),
        "class_name": class_name,
        "color": color,
        "locked": bool(locked),
        "measurements": _measurements(properties.pop("measurements", None)),
        "metadata": {str(k): str(v) for k, v in (properties.pop("metadata", None) or {}).items()},
        "extra": _extra(feature, geometry, properties, class_extra),
    }
    own_id = feature[OWN_ID] if _is_uuid(feature.get(OWN_ID)) else feature.get("id")
    if own_id is not None:
        changes["id"] = str(own_id)
    return replace(roi, **changes)


def with_own_id(roi: Roi) -> Roi:
    """The region under an id that no other file's region has.

    A UUID stays. Others ("0" of geopandas, "PathAnnotationObject" of QuPath 0.2) come back in
    every file; they are kept in ``extra`` and written back beside the own id.
    """
    if _is_uuid(roi.id):
        return roi
    feature = {"id": roi.id, **roi.extra.get("feature", {})}
    return replace(roi, id=str(uuid.uuid4()), extra={**roi.extra, "feature": feature})


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def _classification(value: Any) -> tuple[str, tuple[int, int, int] | None, dict[str, Any]]:
    """(name, colour, what else stands there) of QuPath's three ways to write a class."""
    if value is None or isinstance(value, str):
        return value or "", None, {}
    rest = dict(value)
    color = _color(rest.pop("color", rest.pop("colorRGB", None)))
    name = rest.pop("name", None)
    if name is None:
        name = ": ".join(str(n) for n in rest.get("names", ()))
    return str(name), color, rest


def _color(value: Any) -> tuple[int, int, int] | None:
    if value is None:
        return None
    if isinstance(value, int):  # older files: one signed integer, 0xAARRGGBB
        return (value >> 16) & 255, (value >> 8) & 255, value & 255
    red, green, blue = (min(max(int(v), 0), 255) for v in value[:3])
    return red, green, blue


def _measurements(value: Any) -> dict[str, float]:
    if not value:
        return {}
    pairs = value.items() if isinstance(value, dict) else ((m["name"], m["value"]) for m in value)
    # JSON has no NaN: QuPath writes "NaN" and "Infinity", which float() reads
    return {str(name): math.nan if number is None else float(number) for name, number in pairs}


def _extra(
    feature: dict[str, Any],
    geometry: dict[str, Any],
    properties: dict[str, Any],
    classification: dict[str, Any],
) -> dict[str, Any]:
    known = ("type", "id", "geometry", "properties", OWN_ID)
    others_id = _is_uuid(feature.get(OWN_ID)) or not isinstance(feature.get("id", ""), str)
    kept_id = {"id": feature["id"]} if others_id and feature.get("id") is not None else {}
    groups = {
        "feature": {**kept_id, **{k: v for k, v in feature.items() if k not in known}},
        "geometry": {
            k: v for k, v in geometry.items() if k not in ("type", "coordinates", "isEllipse")
        },
        "properties": properties,
        "classification": classification,
    }
    return {name: members for name, members in groups.items() if members}


# --- writing ---------------------------------------------------------------------------------
def rois_to_geojson(rois: Iterable[Roi], offset: Offset = (0.0, 0.0)) -> dict[str, Any]:
    """A FeatureCollection that QuPath reads; ``offset`` is subtracted from every place."""
    back = (-offset[0], -offset[1])
    return {"type": "FeatureCollection", "features": [_feature(roi, back) for roi in rois]}


def _feature(roi: Roi, offset: Offset) -> dict[str, Any]:
    others = roi.extra.get("feature", {})
    return {
        "type": "Feature",
        "id": roi.id,
        "geometry": _geometry_out(roi, offset),
        "properties": _properties_out(roi),
        **({OWN_ID: roi.id} if "id" in others and _is_uuid(roi.id) else {}),
        **others,
    }


def _geometry_out(roi: Roi, offset: Offset) -> dict[str, Any]:
    parts: list[Any]
    if roi.kind == "point":
        kind, parts = "Point", [_place(p, offset) for p in roi.polygons[0][0]]
    elif roi.kind == "line":
        parts = [[_place(p, offset) for p in rings[0]] for rings in roi.polygons]
        kind = "LineString"
    else:
        parts = [[_closed(ring, offset) for ring in rings] for rings in roi.polygons]
        kind = "Polygon"
    kind, places = (kind, parts[0]) if len(parts) == 1 else (f"Multi{kind}", parts)
    ellipse = {"isEllipse": True} if roi.kind == "ellipse" else {}
    return {"type": kind, "coordinates": places, **ellipse, **roi.extra.get("geometry", {})}


def _closed(ring: Ring, offset: Offset) -> list[list[float]]:
    return [_place(p, offset) for p in (*ring, ring[0])]


def _place(point: Point, offset: Offset) -> list[float]:
    return [_short(_moved(v, by)) for v, by in zip(point, offset, strict=True)]


def _short(value: float) -> float:
    return int(value) if value == int(value) else value


def _properties_out(roi: Roi) -> dict[str, Any]:
    extra = dict(roi.extra.get("properties", {}))
    result: dict[str, Any] = {"objectType": "annotation", **extra}
    if result["objectType"] is None:
        del result["objectType"]
    if roi.name:
        result["name"] = roi.name
    class_extra = dict(roi.extra.get("classification", {}))
    class_owns_color = class_extra.pop("owns_color", False) and bool(roi.class_name)
    if roi.color is not None and not class_owns_color:
        result["color"] = list(roi.color)
    if roi.class_name:
        result["classification"] = _classification_out(roi, class_extra)
    if roi.locked:
        result["isLocked"] = True
    if roi.measurements:
        result["measurements"] = {k: _number_out(v) for k, v in roi.measurements.items()}
    if roi.metadata:
        result["metadata"] = dict(roi.metadata)
    return result


def _classification_out(roi: Roi, extra: dict[str, Any]) -> dict[str, Any]:
    names = extra.get("names")
    if names is not None and ": ".join(str(n) for n in names) != roi.class_name:
        del extra["names"]  # the class was changed here
        names = None
    color = extra.pop("color", None) or list(roi.color or DEFAULT_CLASS_COLOR)
    named = {} if names is not None else {"name": roi.class_name}
    return {**named, "color": color, **extra}


def _number_out(value: float) -> float | str:
    return value if math.isfinite(value) else json.dumps(value)  # NaN, Infinity, -Infinity
