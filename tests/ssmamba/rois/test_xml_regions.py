"""Annotations of ASAP and ImageScope: the drawn area, class and colour, or a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from ssmamba.errors import RoiError
from ssmamba.rois.asap import GROUPS
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.geometry import area_of
from ssmamba.rois.reading import read_regions
from ssmamba.rois.region_file import RegionFile

Corner = tuple[object, object]
SQUARE: Sequence[Corner] = ((0, 0), (100, 0), (100, 100), (0, 100))
INNER: Sequence[Corner] = ((40, 40), (60, 40), (60, 60), (40, 60))


def element(tag: str, inside: Iterable[str] = (), **values: object) -> str:
    written = "".join(f" {key}={quoteattr(str(value))}" for key, value in values.items())
    return f"<{tag}{written}>{''.join(inside)}</{tag}>"


def asap_annotation(kind: str, corners: Sequence[Corner], group: str = "Tumor") -> str:
    places = [
        element("Coordinate", Order=order, X=x, Y=y)
        for order, (x, y) in reversed(list(enumerate(corners)))
    ]
    return element(
        "Annotation", [element("Coordinates", places)], Name="A", Type=kind, PartOfGroup=group,
        Color="#0000FF",
    )  # fmt: skip


def asap(annotations: Iterable[str], groups: Iterable[str] = ()) -> str:
    parts = [element("Annotations", annotations), element("AnnotationGroups", groups)]
    return element("ASAP_Annotations", parts)


def region(
    corners: Sequence[Corner], number: int = 1, inside: Iterable[str] = (), **values: object
) -> str:
    vertices = element("Vertices", [element("Vertex", X=x, Y=y, Z=0) for x, y in corners])
    given = {"Type": 0, "NegativeROA": 0, "Text": "", "InputRegionId": 0, **values}
    return element("Region", [*inside, vertices], Id=number, **given)


def layer(regions: Iterable[str], attributes: Sequence[tuple[str, str]] = (), **values: str) -> str:
    named = [element("Attribute", Name=name, Id=0, Value=value) for name, value in attributes]
    given = {"Name": "Tumor", "LineColor": "65280", **values}
    parts = [element("Attributes", named), element("Regions", regions)]
    return element("Annotation", parts, Id=1, Type=4, **given)


def imagescope(*layers: str) -> str:
    return element("Annotations", layers, MicronsPerPixel="0.25")


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str) -> RegionFile:
        path = tmp_path / "a.xml"
        path.write_text(text, encoding="utf-8")
        return read_regions(path, (1000, 1000))  # QuPath's offset is none of theirs

    return reading


@pytest.mark.parametrize(
    ("kind", "corners", "shape", "area"),
    [
        ("Polygon", SQUARE, "rectangle", 1e4),
        ("Polygon", SQUARE[:3], "polygon", 5e3),
        ("Spline", SQUARE[:3], "polygon", 5e3),
        ("Rectangle", [("0,0", "0,0"), ("100,0", "50,5")], "rectangle", 5050),
        ("Rectangle", [(50, 0), (100, 50), (50, 100), (0, 50)], "polygon", 5e3),
        ("Dot", [(3, 4)], "point", 0),
        ("PointSet", [(3, 4), (5, 6)], "point", 0),
        ("Measurement", [(3, 4), (5, 6)], "line", 0),
    ],
)
def test_asap_shapes(read, kind: str, corners: Sequence[Corner], shape: str, area: float) -> None:
    (roi,) = read(asap([asap_annotation(kind, corners)])).rois
    assert (roi.kind, roi.class_name, roi.color) == (shape, "Tumor", (0, 0, 255))
    assert area_of(roi) == pytest.approx(area)


def test_a_group_is_the_class_and_nested_groups_are_kept(read) -> None:
    groups = [
        element("Group", Name="Tumor", PartOfGroup="None", Color="#ff0000"),
        element("Group", Name="Grade 3", PartOfGroup="Tumor", Color="#00ff00"),
    ]
    drawn = [asap_annotation("Polygon", SQUARE, name) for name in ("Tumor", "Grade 3", "None")]
    top, nested, none = read(asap(drawn, groups)).rois
    assert (top.class_name, top.color, top.metadata) == ("Tumor", (255, 0, 0), {})
    assert (nested.class_name, nested.color) == ("Grade 3", (0, 255, 0))
    assert nested.metadata == {GROUPS: "Tumor"}
    assert (none.class_name, none.color) == ("", (0, 0, 255))
    assert len({top.id, nested.id, none.id}) == 3
    circle = [element("Group", Name=a, PartOfGroup=b) for a, b in (("x", "y"), ("y", "x"))]
    assert read(asap([asap_annotation("Polygon", SQUARE, "x")], circle)).rois[0].class_name == "x"


@pytest.mark.parametrize("bad", ["NaN", "inf", "", "1,000,5", "x", "1e999", "1e10"])
def test_an_annotation_that_is_no_place_costs_itself_alone(read, bad: str) -> None:
    odd = [*SQUARE, (bad, 3)]
    found = read(asap([asap_annotation("Polygon", odd), asap_annotation("Polygon", SQUARE)]))
    assert len(found.rois) == 1 and found.skipped == 1
    assert "1 of 2 annotations were skipped: annotation A has a corner that is no" in found.notes[0]
    found = read(imagescope(layer([region(odd), region(SQUARE, 2)])))
    assert len(found.rois) == 1 and "region 1 of layer 1 has a corner" in found.notes[0]
    with pytest.raises(RoiError, match="no region that can be read"):
        read(asap([asap_annotation("Polygon", odd)]))


def test_odd_rectangles_are_told(read) -> None:
    found = read(asap([asap_annotation("Rectangle", [(0, 0), (10, 3), (0, 9)])]))
    assert area_of(found.rois[0]) == pytest.approx(45)
    assert "is a rectangle whose 3 corners are none, read as drawn" in found.notes[0]
    found = read(imagescope(layer([region([(0, 0), (10, 3), (0, 9)], Type=1)])))
    assert "region 1 of layer 1 is a rectangle whose 3 corners" in found.notes[0]
    found = read(asap([asap_annotation("Spline", SQUARE)]))
    assert "is a spline and was read as straight lines" in found.notes[0]
    with pytest.raises(RoiError, match="fewer than three corners"):
        read(asap([asap_annotation("Rectangle", [(0, 0)])]))


@pytest.mark.parametrize(
    ("kind", "corners", "shape", "area"),
    [
        (0, [*SQUARE, SQUARE[0]], "rectangle", 1e4),
        (0, SQUARE[:3], "polygon", 5e3),
        (1, [(0, 0), (100, 50)], "rectangle", 5e3),
        (1, SQUARE, "rectangle", 1e4),
        (2, [(0, 0), (200, 100)], "ellipse", 15708),
        (3, [(0, 0), (9, 9)], "line", 0),
        (4, [("0,5", "0"), ("9", "9")], "line", 0),
    ],
)
def test_imagescope_shapes(
    read, kind: int, corners: Sequence[Corner], shape: str, area: float
) -> None:
    (roi,) = read(imagescope(layer([region(corners, Type=kind)]))).rois
    assert (roi.kind, roi.class_name, roi.color) == (shape, "Tumor", (0, 255, 0))
    assert area_of(roi) == pytest.approx(area, rel=0.005)


@pytest.mark.parametrize(
    ("name", "attributes", "text", "expected"),
    [
        ("Tumor", [("Description", "")], "spot 3", ("Tumor", "spot 3")),
        ("", [("Description", "Stroma")], "", ("Stroma", "")),
        ("", [("Epithelial", "")], "", ("Epithelial", "")),  # MoNuSAC
        ("", [("Description", "")], "Necrosis", ("Necrosis", "")),
        ("", [], "", ("", "")),
    ],
)
def test_the_class_of_an_imagescope_region(
    read, name: str, attributes: Sequence[tuple[str, str]], text: str, expected: tuple[str, str]
) -> None:
    (roi,) = read(imagescope(layer([region(SQUARE, Text=text)], attributes, Name=name))).rois
    assert (roi.class_name, roi.name) == expected


def test_the_attribute_of_a_region_precedes_its_layer(read) -> None:
    own = element("Attributes", [element("Attribute", Name="Class", Id=0, Value="Vessel")])
    (roi,) = read(imagescope(layer([region(SQUARE, inside=[own])]))).rois
    assert roi.class_name == "Vessel"


def test_negative_regions_are_holes(read) -> None:
    far = [(x + 500, y) for x, y in ((0, 0), (100, 0), (100, 100), (0, 100))]
    found = read(
        imagescope(
            layer([region(INNER, 2, NegativeROA=1), region(SQUARE), region(far, 3)]),
            layer([region(SQUARE)], Name="Other"),
        )
    )
    assert [area_of(roi) for roi in found.rois] == pytest.approx([9600, 1e4, 1e4])
    assert not found.notes
    both = [region(SQUARE), region(SQUARE, 2), region(INNER, 3, NegativeROA=1, InputRegionId=2)]
    assert [area_of(roi) for roi in read(imagescope(layer(both))).rois] == [1e4, 9600]
    past_the_edge = [region(SQUARE), region([(50, 50), (150, 50), (150, 150), (50, 150)], 2,
                                            NegativeROA=1)]  # fmt: skip
    assert area_of(read(imagescope(layer(past_the_edge))).rois[0]) == pytest.approx(7500)
    lost = read(imagescope(layer([region(far), region(INNER, 2, NegativeROA=1)])))
    assert lost.skipped == 1 and "a hole in no region" in lost.notes[0]


@pytest.mark.parametrize("said", ["true", "True", "yes", "-1", " 1 "])
def test_a_hole_is_one_however_it_is_said(read, said: str) -> None:
    found = read(imagescope(layer([region(SQUARE), region(INNER, 2, NegativeROA=said)])))
    assert [area_of(roi) for roi in found.rois] == [9600] and not found.notes
    found = read(imagescope(layer([region(SQUARE), region(INNER, 2, NegativeROA="perhaps")])))
    assert len(found.rois) == 2 and "neither that it is a hole nor" in found.notes[0]


def test_holes_that_leave_nothing_or_only_touch_are_told(read) -> None:
    wide = [(-10, -10), (150, -10), (150, 150), (-10, 150)]
    regions = [region(SQUARE), region([(500, 0), (600, 0), (600, 50)], 2)]
    found = read(imagescope(layer([*regions, region(wide, 3, NegativeROA=1)])))
    assert [area_of(roi) for roi in found.rois] == [2500]
    assert found.notes[0] == "1 of 3 regions enclose no area: region 1/1. They are left out."
    beside = [(x + 100, y) for x, y in ((0, 0), (100, 0), (100, 100), (0, 100))]
    found = read(imagescope(layer([regions[0], region(beside, 3, NegativeROA=1)])))
    assert found.rois[0].kind == "rectangle" and "is a hole in no region" in found.notes[0]


def test_corners_on_one_line_are_told(read) -> None:
    line = [(0, 0), (10, 10), (20, 20)]
    found = read(asap([asap_annotation("Polygon", line), asap_annotation("Polygon", SQUARE)]))
    assert (
        len(found.rois) == 1
        and found.notes[0] == "1 of 2 annotations enclose no area: A. They are left out."
    )
    found = read(imagescope(layer([region(line), region(SQUARE, 2)])))
    assert len(found.rois) == 1 and "region 1/1. They are left out." in found.notes[0]


def test_types_that_are_not_known_are_told(read) -> None:
    found = read(asap([asap_annotation("Ellipse", SQUARE)]))
    assert area_of(found.rois[0]) == 1e4 and "is of the unknown type Ellipse" in found.notes[0]
    found = read(imagescope(layer([region(SQUARE, Type=6)])))
    assert area_of(found.rois[0]) == 1e4 and "is of the unknown type 6" in found.notes[0]
    found = read(imagescope(layer([region(SQUARE, Type=2)])))
    assert area_of(found.rois[0]) == 1e4 and "an ellipse of 4 corners" in found.notes[0]


@pytest.mark.parametrize("orders", [(None,) * 5, (0, 1, None, 3, 4), (1, 1, 1, 1, 1)])
def test_corners_without_an_order_are_read_as_they_are_written(read, orders) -> None:
    corners = [(0, 0), (100, 0), (100, 100), (50, 50), (0, 100)]
    places = [
        element("Coordinate", X=x, Y=y, **({} if order is None else {"Order": order}))
        for order, (x, y) in zip(orders, corners, strict=True)
    ]
    drawn = element("Annotation", [element("Coordinates", places)], Name="A", Type="Polygon")
    found = read(asap([drawn]))
    assert area_of(found.rois[0]) == 7500
    told = "".join(found.notes)
    assert not told if set(orders) == {None} else "corners without an order of their own" in told


def test_regions_go_on_as_geojson_under_the_same_ids(read, tmp_path: Path) -> None:
    text = imagescope(layer([region(SQUARE), region(SQUARE, 1), region(INNER, 3, NegativeROA=1)]))
    first, again = read(text).rois, read(text).rois
    assert [roi.id for roi in first] == [roi.id for roi in again]
    assert first[0].id != first[1].id
    write_rois(tmp_path / "a.geojson", first)
    back = read_regions(tmp_path / "a.geojson").rois
    assert [(r.id, r.polygons, r.class_name) for r in back] == [
        (r.id, r.polygons, r.class_name) for r in first
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [("<x", "is not XML"), ("<svg/>", "neither ASAP's nor ImageScope's XML"), ("", "is not XML")],
)
def test_other_files_are_one_sentence(read, text: str, why: str) -> None:
    with pytest.raises(RoiError, match=why):
        read(text)


def test_a_file_without_a_readable_region_gives_its_advice_once(read) -> None:
    with pytest.raises(RoiError, match=r"no region that can be read: 1 of 1 annotations") as told:
        read(asap([asap_annotation("Polygon", [("x", 3)])]))
    assert str(told.value).count(" again") == 1


def test_files_without_regions_are_empty(read) -> None:
    assert read(asap([])).rois == [] and read(imagescope()).rois == []
