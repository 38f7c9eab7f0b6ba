"""Tumour areas of slides as ASAP's polygons (CAMELYON16)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from ssmamba.errors import DataError, RoiError
from ssmamba.rois.asap import ROOT, regions_of_asap
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.xml_places import parse_xml

LESION_GROUPS = ("_0", "_1", "tumor", "tumour", "metastases")
EXCLUDED_GROUPS = ("_2", "exclusion", "normal")  # cut out of the lesions

Share = Callable[[float, float, float], float]  # (x, y, side) in level-0 pixels -> 0..1


def read_lesions(path: Path) -> BaseGeometry:
    """The lesion area of an ASAP XML, level-0 pixels: groups _0 and _1 without group _2.

    Raises DataError for a file of another format, for unknown groups, and where an annotation
    cannot be read.
    """
    try:
        root = parse_xml(path)
    except RoiError as error:
        raise DataError(str(error)) from error
    if root.tag != ROOT:
        raise DataError(
            f"{path} is not an ASAP annotation (its root is {root.tag}); use ASAP's XML."
        )
    found = regions_of_asap(root, path)
    if found.skipped:
        raise DataError(f"{path}: {found.notes[0]}")
    inside: list[BaseGeometry] = []
    outside: list[BaseGeometry] = []
    for roi in found.rois:
        group = roi.class_name.lower()
        if group not in (*LESION_GROUPS, *EXCLUDED_GROUPS):
            raise DataError(
                f"{path}: unknown group {roi.class_name or 'None'} (known: "
                f"{', '.join((*LESION_GROUPS, *EXCLUDED_GROUPS))}); correct it in ASAP."
            )
        if roi.has_area:
            (inside if group in LESION_GROUPS else outside).append(roi_shape(roi))
    return shapely.difference(shapely.union_all(inside), shapely.union_all(outside))


def polygon_share(area: BaseGeometry) -> Share:
    """The share of a square that is inside an area."""
    shapely.prepare(area)

    def share(x: float, y: float, side: float) -> float:
        square = shapely.box(x, y, x + side, y + side)
        return float(shapely.intersection(area, square).area) / side**2

    return share
