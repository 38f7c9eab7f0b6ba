"""Regions of ASAP's XML, the format of CAMELYON's and PAIP's annotations.

Places are level-0 pixels from the slide's corner. The group of an annotation is its class; groups
may be nested. ASAP has no holes: what is cut out is a group of its own, by agreement.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from ssmamba.rois.flat import is_flat
from ssmamba.rois.outlines import box_ring
from ssmamba.rois.region_file import RegionFile, counted, with_made_ids
from ssmamba.rois.roi import Kind, Point, Ring, Roi
from ssmamba.rois.xml_places import hex_color, is_upright, number, open_ring, place
from ssmamba.wording import words

SKIPPED = words(
    "{count} of {total} annotations were skipped: {examples}. Correct them in ASAP and read the "
    "file again."
)
FLAT = words("{count} of {total} annotations enclose no area: {examples}. They are left out.")
UNUSUAL = words("{count} of {total} annotations are unusual: {examples}. Check these regions.")

ROOT = "ASAP_Annotations"
NO_GROUP = ("", "none")
GROUPS = "ASAP groups"  # key of Roi.metadata: the groups above a nested one, outermost first
SHAPES = ("dot", "pointset", "measurement", "rectangle", "polygon", "spline", "")  # of ASAP
LEVELS = 50  # of nested groups; more are a circle


def regions_of_asap(root: Element, path: Path) -> RegionFile:
    """Every annotation that can be read; what cannot, or was read otherwise, is told."""
    groups = {g.get("Name", ""): g for g in root.iter("Group")}
    annotations = list(root.iter("Annotation"))
    rois: list[Roi] = []
    skipped: list[str] = []
    odd: list[str] = []
    flat: list[str] = []
    for annotation in annotations:
        try:
            roi = _roi(annotation, groups, odd)
            if is_flat(roi):
                flat.append(roi.name)
            else:
                rois.append(roi)
        except ValueError as error:
            skipped.append(f"annotation {annotation.get('Name')} {error}")
    notes = counted(skipped, len(annotations), SKIPPED)
    notes += counted(flat, len(annotations), FLAT)
    notes += counted(odd, len(annotations), UNUSUAL)
    return RegionFile(with_made_ids(rois), tuple(notes), len(skipped))


def _roi(annotation: Element, groups: dict[str, Element], odd: list[str]) -> Roi:
    """Raises ValueError, whose text goes on from "annotation A"."""
    name, kind = annotation.get("Name") or "", (annotation.get("Type") or "").lower()
    shape, ring = _shape(kind, _points(annotation, odd))
    if kind not in SHAPES:
        odd.append(f"{name} is of the unknown type {annotation.get('Type')}, read as drawn")
    if kind == "spline":
        odd.append(f"{name} is a spline and was read as straight lines between its points")
    if kind == "rectangle" and not is_upright(ring):
        odd.append(f"{name} is a rectangle whose {len(ring)} corners are none, read as drawn")
    group = annotation.get("PartOfGroup") or ""
    class_name = "" if group.lower() in NO_GROUP else group
    color = groups[group].get("Color") if class_name in groups and class_name else None
    above = _above(class_name, groups)
    return Roi(
        ((ring,),),
        shape,
        id=name,
        name=name,
        class_name=class_name,
        color=hex_color(color) or hex_color(annotation.get("Color")),
        metadata={GROUPS: " / ".join(above)} if above else {},
    )


def _shape(kind: str, points: list[Point]) -> tuple[Kind, Ring]:
    if kind in ("dot", "pointset"):
        if not points:
            raise ValueError("has no place")
        return "point", tuple(points)
    if kind == "measurement" and len(points) > 1:
        return "line", tuple(points)
    if kind == "rectangle" and len(points) == 2:
        ring = box_ring(*points)
    else:
        ring = open_ring(points)
    if len(set(ring)) < 3:
        raise ValueError("has fewer than three corners")
    return "rectangle" if is_upright(ring) else "polygon", ring


def _points(annotation: Element, odd: list[str]) -> list[Point]:
    """The corners in their order; in the file's where the order is not that of a row."""
    corners = list(annotation.iter("Coordinate"))
    given = [corner.get("Order") for corner in corners]
    try:
        orders = [number(order) for order in given if order is not None]
        places = [place(corner) for corner in corners]
    except ValueError as error:
        raise ValueError(f"has a corner that is no place ({error})") from error
    if len(set(orders)) == len(places):
        return [p for _, p in sorted(zip(orders, places, strict=True))]
    if orders:
        odd.append(
            f"{annotation.get('Name')} has corners without an order of their own, read in the "
            "order of the file"
        )
    return places


def _above(name: str, groups: dict[str, Element]) -> list[str]:
    """The groups that hold a group, outermost first."""
    above: list[str] = []
    while name in groups and len(above) < LEVELS:
        name = groups[name].get("PartOfGroup") or ""
        if name.lower() in NO_GROUP:
            break
        above.insert(0, name)
    return above
