"""Regions of Aperio ImageScope's XML.

Places are level-0 pixels from the slide's corner. A layer (``Annotation``) holds regions; a region
with ``NegativeROA="1"`` is a hole in the regions of its layer that it touches. Programs write the
class as the layer's name, as the name or value of an attribute, or as the region's text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from ssmamba.rois.flat import is_flat
from ssmamba.rois.geojson_values import truth_of
from ssmamba.rois.outlines import box_ring, ellipse_ring
from ssmamba.rois.region_file import RegionFile, counted, with_made_ids
from ssmamba.rois.roi import Kind, Point, Ring, Roi
from ssmamba.rois.xml_places import is_upright, open_ring, place
from ssmamba.wording import words

SKIPPED = words(
    "{count} of {total} regions were skipped: {examples}. Correct them in ImageScope and read the "
    "file again."
)
FLAT = words("{count} of {total} regions enclose no area: {examples}. They are left out.")
UNUSUAL = words("{count} of {total} regions are unusual: {examples}. Check them.")

ROOT = "Annotations"
DRAWN, RECTANGLE, ELLIPSE, ARROW, RULER = "0", "1", "2", "3", "4"  # values of Region/@Type
LABELS = ("", "description", "class", "classification", "label", "name", "type")  # of attributes


@dataclass(frozen=True)
class _Read:
    roi: Roi
    hole: bool
    of: str  # id of the region that a hole belongs to; "0" or "" = not said


def regions_of_imagescope(root: Element, path: Path) -> RegionFile:
    """Every region that can be read; what cannot, or was read otherwise, is told."""
    rois: list[Roi] = []
    skipped: list[str] = []
    odd: list[str] = []
    flat: list[str] = []
    total = 0
    for number, layer in enumerate(root.findall("Annotation"), start=1):
        read: list[_Read] = []
        for region in layer.iter("Region"):
            total += 1
            named = f"region {region.get('Id') or total} of layer {layer.get('Id') or number}"
            try:
                read.append(_region(region, layer, number, named, odd))
            except ValueError as error:
                skipped.append(f"{named} {error}")
        for roi in _with_holes(read, skipped):
            if is_flat(roi):
                flat.append(f"region {roi.id}")
            else:
                rois.append(roi)
    notes = counted(skipped, total, SKIPPED)
    notes += counted(flat, total, FLAT)
    notes += counted(odd, total, UNUSUAL)
    return RegionFile(with_made_ids(rois), tuple(notes), len(skipped))


def _region(
    region: Element, layer: Element, layer_number: int, named: str, odd: list[str]
) -> _Read:
    """Raises ValueError, whose text goes on from the region's place in the file."""
    kind = (region.get("Type") or DRAWN).strip()
    try:
        points = [place(vertex) for vertex in region.iter("Vertex")]
    except ValueError as error:
        raise ValueError(f"has a corner that is no place ({error})") from error
    shape, ring = _shape(kind, points)
    if kind == RECTANGLE and shape != "rectangle":
        odd.append(f"{named} is a rectangle whose {len(ring)} corners are none, read as drawn")
    if kind == ELLIPSE and shape != "ellipse":
        odd.append(f"{named} is an ellipse of {len(ring)} corners, read as drawn")
    if kind not in (DRAWN, RECTANGLE, ELLIPSE, ARROW, RULER):
        odd.append(f"{named} is of the unknown type {kind}, read as drawn")
    text = (region.get("Text") or "").strip()
    own = _attribute(region)
    class_name = own or (layer.get("Name") or "").strip() or _attribute(layer) or text
    roi = Roi(
        ((ring,),),
        shape,
        id=f"{layer.get('Id') or layer_number}/{region.get('Id') or ''}",
        name=text if text != class_name else "",
        class_name=class_name,
        color=_color(layer.get("LineColor")),
    )
    return _Read(roi, _is_hole(region, named, odd), region.get("InputRegionId") or "")


def _is_hole(region: Element, named: str, odd: list[str]) -> bool:
    given = region.get("NegativeROA") or "0"
    try:
        return given.strip() == "-1" or truth_of(given)  # Visual Basic's true
    except ValueError:
        odd.append(f"{named} says neither that it is a hole nor that it is none ('{given}')")
        return False


def _shape(kind: str, points: list[Point]) -> tuple[Kind, Ring]:
    if kind in (ARROW, RULER):
        if len(points) < 2:
            raise ValueError("has fewer than two ends")
        return "line", tuple(points)
    if kind in (RECTANGLE, ELLIPSE) and len(points) == 2:
        ring = (ellipse_ring if kind == ELLIPSE else box_ring)(*points)
    else:
        ring = open_ring(points)
    if len(set(ring)) < 3:
        raise ValueError("has fewer than three corners")
    if kind == ELLIPSE:
        return ("ellipse" if len(points) == 2 else "polygon"), ring
    return "rectangle" if is_upright(ring) else "polygon", ring


def _attribute(element: Element) -> str:
    """What the attributes of a layer or region say of its class.

    The first one with a value is taken, or the name of the first one without, unless that is a
    word like "Description".
    """
    own = [a for parent in element.findall("Attributes") for a in parent.findall("Attribute")]
    pairs = [((a.get("Name") or "").strip(), (a.get("Value") or "").strip()) for a in own]
    for name, value in pairs:
        if value and name.lower() in LABELS:
            return value
    return next((name for name, value in pairs if not value and name.lower() not in LABELS), "")


def _color(text: str | None) -> tuple[int, int, int] | None:
    """LineColor as RGB: a number with red in its lowest byte."""
    if text is None or not text.isdecimal() or int(text) >= 1 << 24:
        return None
    value = int(text)
    return value & 255, value >> 8 & 255, value >> 16 & 255


def _with_holes(read: list[_Read], skipped: list[str]) -> list[Roi]:
    """The regions of a layer, each without the holes that touch it."""
    from ssmamba.rois.geometry import roi_shape  # loads slowly

    holes = [item for item in read if item.hole]
    areas = {item.roi.id: item.roi for item in read if not item.hole}
    order = [item.roi for item in read if not item.hole]
    if not holes:
        return order
    cut: dict[int, list[Ring]] = {}
    for hole in holes:
        if not hole.roi.has_area:
            skipped.append(f"region {hole.roi.id} is a hole without an area")
            continue
        layer = hole.roi.id.split("/")[0]
        named = areas.get(f"{layer}/{hole.of}") if hole.of not in ("", "0") else None
        shape = roi_shape(hole.roi)
        held = [
            index
            for index, roi in enumerate(order)
            if roi.has_area and (named is None or roi is named)
            if roi_shape(roi).relate_pattern(shape, "T********")  # share more than an edge
        ]
        if not held:
            skipped.append(f"region {hole.roi.id} is a hole in no region")
        for index in held:
            cut.setdefault(index, []).append(hole.roi.polygons[0][0])
    return [
        replace(roi, polygons=((*roi.polygons[0], *cut[i]),), kind="polygon") if i in cut else roi
        for i, roi in enumerate(order)
    ]
