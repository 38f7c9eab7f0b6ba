"""Regions from GeoJSON features as QuPath and other programs write them.

Places are full-resolution pixels, origin top-left, y down; rings after the first are holes.
QuPath crops slides that carry ``openslide.bounds-*``, so that offset is subtracted in its files.

What this project does not know of a feature is kept in ``Roi.extra`` and written back:
``{"feature": {...}, "geometry": {...}, "properties": {...}, "classification": {...}}``, and what a
place holds beyond x and y in ``"beyond"``, in the order of the vertices.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ssmamba.rois.flat import is_flat
from ssmamba.rois.geojson_values import (
    ODD,
    RGB,
    Members,
    class_of,
    color_of,
    is_missing,
    kept,
    measurements_of,
    shown,
    text_of,
    truth_of,
)
from ssmamba.rois.json_stream import Unreadable
from ssmamba.rois.region_file import counted, made_id
from ssmamba.rois.roi import Kind, Point, Ring, Rings, Roi
from ssmamba.wording import words

SKIPPED = words(
    "{count} of {total} features were skipped: {examples}. Correct them and import the file again."
)
WITHOUT_MEMBERS = words(
    "{count} of {total} features were read without some members: {examples}. Check these regions."
)

Offset = tuple[float, float]
AREAS = ("Polygon", "MultiPolygon")
LINES = ("LineString", "MultiLineString")
POINTS = ("Point", "MultiPoint")
MEASURE = "measured as"  # in the metadata of a line that is a ruler or an angle; QuPath keeps it
OWN_ID = "ssmamba_id"  # a region's own id, in a feature whose "id" is another program's
FARTHEST_PX = 1e9  # of a place from the slide's corner; no slide is so large
_DIGITS = 6  # of a coordinate that was moved by the bounds offset


class FeatureReader:
    """Reads features one by one; an odd one costs neither the others nor, where possible, itself.

    Args:
        offset: added to every place, level-0 pixels.
        flat_too: take areas that enclose nothing; False = skip them and say so.
    """

    def __init__(self, offset: Offset = (0.0, 0.0), flat_too: bool = True) -> None:
        self.offset = offset
        self.flat_too = flat_too
        self.rois: list[Roi] = []
        self.count = 0  # features seen
        self.skipped: list[str] = []  # "feature 3: its geometry is …"
        self.odd: list[str] = []  # members that were not understood, of features that were read
        self._ids: set[str] = set()

    def add(self, document: Any) -> None:
        """Take a parsed document: collection, feature, geometry, or an array of these."""
        for feature in _features(document):
            self.count += 1
            if isinstance(feature, Unreadable):
                self.skip(feature.why)
                continue
            odd: list[str] = []
            try:
                found = list(_rois_of(feature, self.offset, odd))
            except ODD as error:
                why = str(error) if type(error) is ValueError else "it does not follow GeoJSON"
                self.skip(why)
                continue
            flat = [] if self.flat_too else [roi for roi in found if is_flat(roi)]
            if flat and len(flat) == len(found):
                self.skip("it encloses no area")
                continue
            odd += ["a part encloses no area and was left out"] * bool(flat)
            self.rois += [self._with_unique_id(roi) for roi in found if roi not in flat]
            if odd:
                self.odd.append(f"feature {self.count}: {', '.join(odd)}")

    def skip(self, why: str) -> None:
        """Note that the current feature could not be read."""
        self.skipped.append(f"feature {self.count}: {why}")

    def notes(self) -> list[str]:
        """Sentences for the user about what was skipped or not understood."""
        skipped = counted(self.skipped, self.count, SKIPPED)
        return skipped + counted(self.odd, self.count, WITHOUT_MEMBERS)

    def _with_unique_id(self, roi: Roi) -> Roi:
        number, fresh = 0, roi
        while fresh.id in self._ids:
            number += 1
            fresh = replace(roi, id=made_id(roi.id, number, roi))
        self._ids.add(fresh.id)
        return fresh


def rois_from_geojson(document: Any, offset: Offset = (0.0, 0.0)) -> list[Roi]:
    """Regions of a parsed document, without what cannot be read."""
    reader = FeatureReader(offset)
    reader.add(document)
    return reader.rois


def _features(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        for item in document:
            yield from _features(item)
        return
    members = document if isinstance(document, dict) else {}
    kind = members.get("type")
    if kind == "FeatureCollection" and isinstance(members.get("features"), list):
        yield from _features(members["features"])
    elif kind in (*AREAS, *LINES, *POINTS, "GeometryCollection"):
        yield {"type": "Feature", "geometry": document, "properties": {}}
    else:
        yield document


def _rois_of(feature: Any, offset: Offset, odd: list[str]) -> Iterator[Roi]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        kind = feature.get("type") if isinstance(feature, dict) else feature
        raise ValueError(f"{shown(kind)} is not a feature")
    geometry = feature.get("geometry")
    if geometry is None:
        return
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise ValueError(f"its properties are {shown(properties)}")
    for index, part in enumerate(_parts_of(geometry)):
        polygons, beyond, kind = _geometry(part, offset, odd)
        if not polygons:
            continue
        roi = _with_properties(Roi(polygons, kind=kind, id=""), feature, properties, part, odd)
        if any(tail for rings in beyond for ring in rings for tail in ring):
            roi = replace(roi, extra={**roi.extra, "beyond": beyond})
        yield roi if roi.id and index == 0 else replace(roi, id=made_id(roi.id, 0, roi))


def _parts_of(geometry: Any) -> Iterator[dict[str, Any]]:
    """A geometry, or those of a collection, however nested."""
    if not isinstance(geometry, dict):
        raise ValueError(f"its geometry is {shown(geometry)}")
    if geometry.get("type") != "GeometryCollection":
        yield geometry
        return
    for part in geometry["geometries"]:
        yield from _parts_of(part)


def _geometry(
    geometry: dict[str, Any], offset: Offset, odd: list[str]
) -> tuple[tuple[Rings, ...], list, Kind]:
    """Rings in parts, what their places hold beyond x and y in the same order, and the kind."""
    kind, places = geometry.get("type"), geometry.get("coordinates")
    if kind not in (*AREAS, *LINES, *POINTS):
        raise ValueError(f"its geometry has the unknown type {shown(kind)}")
    if not isinstance(places, list):
        raise ValueError(f"its coordinates are {shown(places)}")
    single = [places] if kind in ("Point", "LineString", "Polygon") else places
    parts: list[Any] = (
        single if kind in AREAS else [[single]] if kind in POINTS else [[p] for p in single]
    )
    least = 3 if kind in AREAS else 1
    polygons, beyond = [], []
    why = ""
    for part in parts:
        rings = [_ring(loop, offset, kind in AREAS) for loop in part]
        corners = [len(ring) for ring, _ in rings]
        if corners and corners[0] >= least:
            whole = [r for r in rings if len(r[0]) >= least]
            polygons.append(tuple(ring for ring, _ in whole))
            beyond.append([tails for _, tails in whole])
        elif any(corners):
            why = "an area has fewer than three corners"
            if not corners[0]:
                why = "an area has holes without an outline"
    if why and not polygons:
        raise ValueError(why)
    if why:
        odd.append(f"{why} and was left out")
    found = tuple(polygons)
    if kind in POINTS:
        return found, beyond, "point"
    if kind in LINES:
        return found, beyond, "line"
    if Members(geometry, odd).take("isEllipse", truth_of, False):
        return found, beyond, "ellipse"
    return found, beyond, "rectangle" if _is_rectangle(found) else "polygon"


def _ring(places: Any, offset: Offset, is_area: bool) -> tuple[Ring, list[list[float]]]:
    """A ring, open if it is an area's, and what each place holds beyond x and y."""
    if not isinstance(places, list):
        raise ValueError(f"its coordinates hold {shown(places)} in place of a list of places")
    ring = tuple(_point(place, offset) for place in places)
    tails = [[v for v in place[2:] if _is_number(v)] for place in places]
    closed = is_area and len(ring) > 1 and ring[0] == ring[-1]
    return (ring[:-1], tails[:-1]) if closed else (ring, tails)


def _point(place: Any, offset: Offset) -> Point:
    if not isinstance(place, list | tuple) or len(place) < 2:
        raise ValueError(f"its coordinates hold {shown(place)} in place of [x, y]")
    try:
        x, y = (math.nan if isinstance(v, bool) else float(v) for v in place[:2])
    except ODD:
        x = y = math.nan
    if not (abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX):
        raise ValueError(f"its coordinates hold {shown(place)}, which is no place on a slide")
    return moved(x, offset[0]), moved(y, offset[1])


def moved(value: float, by: float) -> float:
    return round(value + by, _DIGITS) if by else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < math.inf


def _is_rectangle(polygons: tuple[Rings, ...]) -> bool:
    """One ring of four corners whose sides run along the axes."""
    if len(polygons) != 1 or len(polygons[0]) != 1 or len(polygons[0][0]) != 4:
        return False
    a, b, c, d = polygons[0][0]
    level_first = a[1] == b[1] and b[0] == c[0] and c[1] == d[1] and d[0] == a[0]
    upright_first = a[0] == b[0] and b[1] == c[1] and c[0] == d[0] and d[1] == a[1]
    return (level_first or upright_first) and a[0] != c[0] and a[1] != c[1]


def _with_properties(
    roi: Roi,
    feature: dict[str, Any],
    properties: dict[str, Any],
    geometry: dict[str, Any],
    odd: list[str],
) -> Roi:
    members = Members(properties, odd)
    none: tuple[str, RGB | None, dict[str, Any]] = ("", None, {})
    class_name, class_color, class_extra = members.take(
        "classification", lambda value: class_of(value, odd), none
    )
    own_color = members.take("color", color_of, None)
    color = own_color or class_color
    if class_color is not None and class_color != color:
        class_extra["color"] = list(class_color)
    if own_color is None and class_color is not None:
        class_extra["owns_color"] = True
    measured: dict[str, float] = {}
    noted: dict[str, str] = {}
    changes: dict[str, Any] = {
        "id": _id_in(feature, properties),
        "name": members.take("name", text_of, ""),
        "class_name": class_name or _tiatoolbox_class(members.rest),
        "color": color,
        "locked": members.take("isLocked", truth_of, False),
        "hidden": members.take("isHidden", truth_of, False),
        "measurements": {
            **_tiatoolbox_shares(members.rest),
            **members.take("measurements", lambda value: measurements_of(value, odd), measured),
        },
        "metadata": members.take(
            "metadata", lambda value: {str(k): str(v) for k, v in value.items()}, noted
        ),
    }
    if members.rest.get("objectType") == "annotation":
        del members.rest["objectType"]
    elif "objectType" not in members.rest and properties:
        members.rest["objectType"] = None  # absent in the file, and stays so
    extra = _extra(feature, geometry, members.rest, class_extra, odd)
    return _as_measure(replace(roi, **changes, extra=extra))


def _as_measure(roi: Roi) -> Roi:
    """A line as the ruler or angle that its metadata says it is, if it has as many ends."""
    ends = {"ruler": 2, "angle": 3}.get(roi.metadata.get(MEASURE, ""))
    if roi.kind != "line" or len(roi.polygons) != 1 or len(roi.polygons[0][0]) != ends:
        return roi
    kind: Kind = "ruler" if ends == 2 else "angle"
    others = {key: value for key, value in roi.metadata.items() if key != MEASURE}
    return replace(roi, kind=kind, metadata=others)


def _id_in(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    """The feature's id; geopandas and LazySlide move it into the properties."""
    if is_uuid(feature.get(OWN_ID)):
        return str(feature[OWN_ID])
    given = (feature.get("id"), properties.get("id"))
    return next((text_of(v) for v in given if _can_be_id(v)), "")


def _can_be_id(value: Any) -> bool:
    infinite = isinstance(value, float) and not math.isfinite(value)
    return not (is_missing(value) or isinstance(value, dict | list) or infinite)


def _tiatoolbox_class(properties: dict[str, Any]) -> str:
    kind = properties.get("type")
    return text_of(kind) if isinstance(kind, str | int) else ""


def _tiatoolbox_shares(properties: dict[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in properties.items()
        if name.startswith("prob_") and _is_number(value)
    }


def with_own_id(roi: Roi) -> Roi:
    """The region under an id that no other file's region has, the same at every reading.

    A UUID stays. Others ("0" of geopandas, "PathAnnotationObject" of QuPath 0.2) come back in
    every file; they are kept in ``extra`` and written back beside the own id.
    """
    if is_uuid(roi.id):
        return roi
    feature = {"id": roi.id, **roi.extra.get("feature", {})}
    return replace(roi, id=made_id(roi.id, 0, roi), extra={**roi.extra, "feature": feature})


def is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def _extra(
    feature: dict[str, Any],
    geometry: dict[str, Any],
    properties: dict[str, Any],
    classification: dict[str, Any],
    odd: list[str],
) -> dict[str, Any]:
    known = ("type", "id", "geometry", "properties", OWN_ID)
    others_id = is_uuid(feature.get(OWN_ID)) or not isinstance(feature.get("id", ""), str)
    kept_id = {"id": feature["id"]} if others_id and feature.get("id") is not None else {}
    groups = {
        "feature": {**kept_id, **{k: v for k, v in feature.items() if k not in known}},
        "geometry": {
            k: v for k, v in geometry.items() if k not in ("type", "coordinates", "isEllipse")
        },
        "properties": properties,
        "classification": classification,
    }
    safe = {name: kept(members, odd) for name, members in groups.items()}
    return {name: members for name, members in safe.items() if members}
