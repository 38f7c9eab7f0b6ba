"""Tumour areas of slides as ASAP's polygons (CAMELYON16)."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ssmamba.errors import DataError

LESION_GROUPS = ("_0", "_1", "tumor", "tumour", "metastases")
EXCLUDED_GROUPS = ("_2", "exclusion", "normal")  # cut out of the lesions

Share = Callable[[float, float, float], float]  # (x, y, side) in level-0 pixels -> 0..1


def read_lesions(path: Path) -> BaseGeometry:
    """The lesion area of an ASAP XML, level-0 pixels: groups _0 and _1 without group _2.

    Raises DataError for a file of another format, or for unknown groups.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:  # encodings too
        raise DataError(f"{path} is not XML ({error}); download it again.") from error
    if root.tag != "ASAP_Annotations":
        raise DataError(
            f"{path} is not an ASAP annotation (its root is {root.tag}); use ASAP's XML."
        )
    inside: list[BaseGeometry] = []
    outside: list[BaseGeometry] = []
    for annotation in root.iter("Annotation"):
        group = (annotation.get("PartOfGroup") or "").lower()
        if group not in (*LESION_GROUPS, *EXCLUDED_GROUPS):
            raise DataError(
                f"{path}: unknown group {annotation.get('PartOfGroup')} (known: "
                f"{', '.join((*LESION_GROUPS, *EXCLUDED_GROUPS))}); correct it in ASAP."
            )
        points = _points(annotation, path)
        if len(points) >= 3:
            shape = shapely.make_valid(shapely.Polygon(points), method="structure")
            (inside if group in LESION_GROUPS else outside).append(shape)
    return shapely.difference(shapely.union_all(inside), shapely.union_all(outside))


def polygon_share(area: BaseGeometry) -> Share:
    """The share of a square that is inside an area."""
    shapely.prepare(area)

    def share(x: float, y: float, side: float) -> float:
        square = shapely.box(x, y, x + side, y + side)
        return float(shapely.intersection(area, square).area) / side**2

    return share


def _points(annotation: ElementTree.Element, path: Path) -> list[tuple[float, float]]:
    """The corners of an annotation in their order; a rectangle may come as two of them.

    Raises DataError for a corner that is no place.
    """
    corners = list(annotation.iter("Coordinate"))
    try:
        orders = [_number(corner.get("Order", "0")) for corner in corners]
        places = [(_number(c.get("X", "")), _number(c.get("Y", ""))) for c in corners]
    except ValueError as error:
        raise DataError(
            f"{path}: annotation {annotation.get('Name')} has a corner that is no place ({error}); "
            "correct it in ASAP."
        ) from error
    points = [places[index] for index in np.argsort(orders, kind="stable")]
    if len(points) == 2 and (annotation.get("Type") or "").lower() == "rectangle":
        (left, top), (right, bottom) = points
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    return points


def _number(text: str) -> float:
    """A finite number, with a decimal comma where the program's language writes one."""
    value = float(text.replace(",", ".")) if text.count(",") == 1 else float(text)
    if not math.isfinite(value):
        raise ValueError(f"'{text}'")
    return value
