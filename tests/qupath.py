"""What QuPath asks of the GeoJSON that it reads (its GsonTools), written down strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

KINDS = {"annotation", "detection", "cell", "tile", "tma_core", "root"}
PROPERTIES = {
    "objectType", "name", "color", "classification", "isLocked", "measurements", "metadata",
    "isHidden",  # ours; QuPath passes over it
}  # fmt: skip
DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WORDS = {"NaN", "Infinity", "-Infinity"}  # of measurements that are no numbers


def problems(document: Any) -> Iterator[str]:
    """What QuPath would not read, or read otherwise than it is meant."""
    if document.get("type") != "FeatureCollection":
        yield "it is no FeatureCollection"
    features = document["features"]
    ids = [feature.get("id") for feature in features]
    if len(set(ids)) < len(ids):
        yield "an id stands twice"
    for feature in features:
        for problem in _of_feature(feature):
            yield f"{feature.get('id')}: {problem}"


def _of_feature(feature: dict[str, Any]) -> Iterator[str]:
    if feature.get("type") != "Feature":
        yield "it is no Feature"
    if not UUID.fullmatch(feature.get("id", "")):
        yield "its id is no UUID"
    yield from _of_geometry(feature["geometry"])
    properties = feature["properties"]
    if unknown := set(properties) - PROPERTIES:
        yield f"QuPath does not know {unknown}"
    if properties.get("objectType", "annotation") not in KINDS:
        yield f"there are no objects of type {properties['objectType']}"
    if "color" in properties and not _is_color(properties["color"]):
        yield "its color is not [r, g, b]"
    kind = properties.get("classification")
    if kind is not None:
        names = kind.get("names", [kind.get("name")])
        if not all(isinstance(name, str) and name for name in names):
            yield "its class has no name"
        if not _is_color(kind.get("color")):
            yield "its class has no color"
    if properties.get("isLocked", True) is not True:
        yield "isLocked stands there without being true"
    for name, value in properties.get("measurements", {}).items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and value == value and abs(value) != float("inf")) and value not in WORDS:
            yield f"the measurement {name} is {value!r}"
    if not all(isinstance(value, str) for value in properties.get("metadata", {}).values()):
        yield "its metadata is no text"


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(v in range(256) for v in value)


def _of_geometry(geometry: dict[str, Any]) -> Iterator[str]:
    if geometry["type"] not in DEPTHS:
        yield f"its geometry is a {geometry['type']}"
        return
    lists = [geometry["coordinates"]]
    for _ in range(DEPTHS[geometry["type"]] - 1):
        lists = [part for whole in lists for part in whole]
    for points in lists if DEPTHS[geometry["type"]] else [lists]:
        if any(len(point) != 2 for point in points):
            yield "a place has not two numbers"
        if any(round(value, 2) != value for point in points for value in point):
            yield "a place has more than two decimals"
        if "Polygon" in geometry["type"]:
            if points[0] != points[-1] or len(points) < 4:
                yield "a ring is not closed"
            if any(a == b for a, b in pairwise(points)):
                yield "a ring stands still"
