"""QuPath's files come in and go out without loss."""

from __future__ import annotations

import copy
import gzip
import json
import math
import uuid
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.errors import RoiError
from ssmamba.rois.geojson import (
    read_rois,
    rois_from_geojson,
    rois_to_geojson,
    with_own_id,
    write_rois,
)
from ssmamba.rois.roi import Roi
from tests import qupath

QUPATH: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "5b8b3e0c-7d9a-4a57-8e0e-0b5a2f6f9d11",
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[100.25, 50], [400, 50], [400, 300], [100.25, 300], [100.25, 50]],
                    [[200, 100], [250, 100], [250, 150.5], [200, 100]],
                ],
                "plane": {"c": -1, "z": 2, "t": 0},
            },
            "properties": {
                "objectType": "annotation",
                "name": "Tumour edge",
                "color": [255, 0, 0],
                "classification": {"name": "Tumor", "color": [200, 0, 0]},
                "isLocked": True,
                "measurements": {"Area µm^2": 1234.5, "Bad": "NaN", "Up": "Infinity"},
                "metadata": {"ANNOTATION_DESCRIPTION": "two\nlines"},
                "custom": {"kept": [1, 2]},
            },
            "nucleusGeometry": {"type": "Point", "coordinates": [1, 2]},
        },
        {
            "type": "Feature",
            "id": "e",
            "geometry": {
                "type": "Polygon",
                "isEllipse": True,
                "coordinates": [[[0, 5], [5, 0], [10, 5], [5, 10], [0, 5]]],
            },
            "properties": {
                "objectType": "detection",
                "classification": {"names": ["Tumor", "Positive"], "color": [250, 62, 62]},
            },
        },
        {
            "type": "Feature",
            "id": "m",
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [
                    [[[0, 0], [9, 0], [9, 7], [0, 0]]],
                    [[[20, 20], [29, 20], [29, 27], [20, 20]]],
                ],
            },
            "properties": {"objectType": "annotation"},
        },
        {
            "type": "Feature",
            "id": "p",
            "geometry": {"type": "MultiPoint", "coordinates": [[1, 2], [3.5, 4]]},
            "properties": {"objectType": "annotation"},
        },
        {
            "type": "Feature",
            "id": "l",
            "geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 4], [8, 8]]},
            "properties": {"objectType": "annotation", "name": "ruler"},
        },
    ],
}
WRITTEN: dict[str, Any] = copy.deepcopy(QUPATH)  # a class of several names also has one in all
WRITTEN["features"][1]["properties"]["classification"]["name"] = "Tumor: Positive"


def test_a_file_from_qupath_comes_back_unchanged(tmp_path: Path) -> None:
    (tmp_path / "in.geojson").write_text(json.dumps(QUPATH), encoding="utf-8")
    write_rois(tmp_path / "out.geojson", read_rois(tmp_path / "in.geojson"))
    assert json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8")) == WRITTEN


def test_what_qupath_says_is_understood() -> None:
    polygon, ellipse, multi, points, line = rois_from_geojson(QUPATH)
    assert polygon.name == "Tumour edge"
    assert polygon.class_name == "Tumor"
    assert polygon.color == (255, 0, 0)
    assert polygon.locked
    assert len(polygon.polygons[0]) == 2  # one hole
    assert polygon.polygons[0][0][0] == (100.25, 50)
    assert len(polygon.polygons[0][0]) == 4  # rings are open inside
    assert math.isnan(polygon.measurements["Bad"])
    assert polygon.measurements["Up"] == math.inf
    assert polygon.metadata == {"ANNOTATION_DESCRIPTION": "two\nlines"}
    assert (ellipse.kind, ellipse.class_name) == ("ellipse", "Tumor: Positive")
    assert ellipse.color == (250, 62, 62)
    assert len(multi.polygons) == 2
    assert (points.kind, len(points.polygons[0][0])) == ("point", 2)
    assert (line.kind, line.name) == ("line", "ruler")


GEOMETRY = QUPATH["features"][0]["geometry"]


@pytest.mark.parametrize(
    "document",
    [
        QUPATH["features"][0],
        [QUPATH["features"][0]],
        GEOMETRY,
        [GEOMETRY],
        {"type": "GeometryCollection", "geometries": [GEOMETRY]},
        {"type": "Feature", "geometry": GEOMETRY, "properties": None},
        {"type": "Feature", "geometry": GEOMETRY, "properties": {"classification": "Tumor"}},
        {
            "type": "Feature",
            "geometry": GEOMETRY,
            "properties": {"measurements": [{"name": "a", "value": 2}], "color": -65536},
        },
    ],
)
def test_other_ways_to_write_it_are_read_too(document: Any) -> None:
    (roi,) = rois_from_geojson(json.loads(json.dumps(document)))
    assert roi.bounds == (100.25, 50, 400, 300)
    assert roi.measurements in ({}, {"a": 2.0}) or "Bad" in roi.measurements


@pytest.mark.parametrize("name", ["a.geojson", "a.json", "a.geojson.gz", "a.zip"])
def test_every_file_form_is_read_and_written(name: str, tmp_path: Path) -> None:
    rois = rois_from_geojson(QUPATH)
    write_rois(tmp_path / name, rois)
    assert rois_to_geojson(read_rois(tmp_path / name)) == WRITTEN
    assert [p.name for p in tmp_path.iterdir()] == [name]  # no temporary file is left


def test_packed_files_of_others_are_read(tmp_path: Path) -> None:
    text = "\ufeff" + json.dumps(QUPATH)  # with a byte order mark
    (tmp_path / "b.geojson.gz").write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("one.geojson", text)
        archive.writestr("notes.txt", "no")
    assert len(read_rois(tmp_path / "b.geojson.gz")) == 5
    assert len(read_rois(tmp_path / "b.zip")) == 5


def test_places_are_moved_by_the_slides_bounds(tmp_path: Path) -> None:
    (tmp_path / "in.geojson").write_text(json.dumps(QUPATH), encoding="utf-8")
    rois = read_rois(tmp_path / "in.geojson", bounds_offset=(1000, 2000))
    assert rois[0].polygons[0][0][0] == (1100.25, 2050)
    write_rois(tmp_path / "out.geojson", rois, bounds_offset=(1000, 2000))
    assert json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8")) == WRITTEN


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=20
)
PLACES = st.tuples(
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 2) + 0.0),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 2) + 0.0),
)
RINGS = st.lists(PLACES, min_size=3, max_size=8, unique=True).map(tuple)
COLORS = st.tuples(*[st.integers(0, 255)] * 3)
AREAS = st.lists(st.lists(RINGS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(
    tuple
)


@st.composite
def regions(draw: st.DrawFn) -> Roi:
    kind = draw(st.sampled_from(["polygon", "ellipse", "line", "point", "ruler", "angle"]))
    polygons = draw(AREAS) if kind in ("polygon", "ellipse") else ((draw(RINGS),),)
    ends = {"ruler": 2, "angle": 3}.get(kind)
    if ends is not None:
        polygons = ((polygons[0][0][:ends],),)
    return Roi(
        polygons,
        kind=kind,
        name=draw(NAMES),
        class_name=draw(NAMES),
        color=draw(COLORS),
        locked=draw(st.booleans()),
        hidden=draw(st.booleans()),
        measurements=draw(
            st.dictionaries(NAMES, st.floats(allow_nan=False) | st.just(math.inf), max_size=3)
        ),
        metadata=draw(st.dictionaries(NAMES, NAMES, max_size=3)),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(regions(), max_size=4))
def test_our_own_regions_survive_a_file(rois: list[Roi]) -> None:
    text = json.dumps(rois_to_geojson(rois), allow_nan=False)
    assert not list(qupath.problems(json.loads(text)))
    back = rois_from_geojson(json.loads(text))
    # a polygon that happens to be an upright rectangle comes back as one
    assert [replace(b, kind=a.kind) for a, b in zip(rois, back, strict=True)] == rois


def test_rulers_and_angles_are_lines_for_other_programs() -> None:
    """QuPath keeps the metadata of an annotation, so that a ruler comes back from it as one."""
    ruler = Roi(((((1, 2), (5, 2)),),), kind="ruler", metadata={"who": "A"})
    (feature,) = rois_to_geojson([ruler])["features"]
    assert feature["geometry"] == {"type": "LineString", "coordinates": [[1, 2], [5, 2]]}
    assert feature["properties"]["metadata"] == {"who": "A", "measured as": "ruler"}
    assert rois_from_geojson(feature) == [ruler]
    feature["geometry"]["coordinates"].append([7, 7])  # edited elsewhere: no ruler any more
    assert rois_from_geojson(feature)[0].kind == "line"


def test_a_note_is_the_description_that_qupath_shows() -> None:
    roi = Roi((((((1, 2), (5, 2), (5, 9))),),)).noted("Necrosis?")
    (feature,) = rois_to_geojson([roi])["features"]
    assert feature["properties"]["metadata"] == {"ANNOTATION_DESCRIPTION": "Necrosis?"}
    assert rois_from_geojson(feature)[0].note == "Necrosis?"
    assert roi.noted("").metadata == {}


def test_a_rectangle_stays_a_rectangle() -> None:
    roi = Roi((((((1, 2), (5, 2), (5, 9), (1, 9))),),), kind="rectangle")
    assert rois_from_geojson(rois_to_geojson([roi]))[0].kind == "rectangle"


def test_an_edited_region_keeps_what_others_wrote() -> None:
    polygon, ellipse = rois_from_geojson(QUPATH)[:2]
    out = rois_to_geojson([replace(polygon, name="new"), replace(ellipse, class_name="Stroma")])
    first, second = out["features"]
    assert first["nucleusGeometry"] == {"type": "Point", "coordinates": [1, 2]}
    assert first["properties"]["custom"] == {"kept": [1, 2]}
    assert first["properties"]["name"] == "new"
    assert second["properties"]["classification"]["name"] == "Stroma"
    assert "names" not in second["properties"]["classification"]


def test_numbers_of_others_that_are_no_json_are_written_as_json(tmp_path: Path) -> None:
    text = json.dumps(QUPATH).replace('{"kept": [1, 2]}', '{"kept": [NaN, -Infinity, 1]}')
    (tmp_path / "in.geojson").write_text(text, encoding="utf-8")
    write_rois(tmp_path / "out.geojson", read_rois(tmp_path / "in.geojson"))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = (tmp_path / "out.geojson").read_text(encoding="utf-8")
    first = json.loads(text, parse_constant=refuse)["features"][0]
    assert first["properties"]["custom"] == {"kept": [None, "-Infinity", 1]}


def test_half_of_a_surrogate_pair_does_not_stop_a_save(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    for name, kept in (("cut \ud83d off", "cut \ufffd off"), ("\ud83d\ude00", "\U0001f600")):
        write_rois(path, [Roi(((((0, 0), (9, 0), (9, 9)),),), name=name)])
        assert read_rois(path)[0].name == kept


def test_ids_of_others_become_our_own_and_are_written_back(tmp_path: Path) -> None:
    feature = QUPATH["features"][2]
    (tmp_path / "in.geojson").write_text(
        json.dumps([{**feature, "id": i} for i in ("0", 7, "PathAnnotationObject")]),
        encoding="utf-8",
    )
    rois = [with_own_id(roi) for roi in read_rois(tmp_path / "in.geojson")]
    assert len({uuid.UUID(roi.id) for roi in rois}) == 3
    write_rois(tmp_path / "out.geojson", rois)
    written = json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8"))["features"]
    assert [f["id"] for f in written] == ["0", 7, "PathAnnotationObject"]
    again = read_rois(tmp_path / "out.geojson")  # as the session does, or an import of our export
    assert again == rois and [with_own_id(roi) for roi in again] == rois
    known = Roi(rois[0].polygons, id=str(uuid.uuid4()))
    assert with_own_id(known) is known


def test_twice_the_same_id_becomes_two_regions(tmp_path: Path) -> None:
    feature = QUPATH["features"][2]
    (tmp_path / "twice.geojson").write_text(json.dumps([feature, feature]), encoding="utf-8")
    first, second = read_rois(tmp_path / "twice.geojson")
    assert first.id == "m"
    assert second.id != "m"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[1, 2]",
        '{"type": "Topology"}',
        '{"type": "Polygon", "coordinates": [[["a", "b"]]]}',
        '{"type": "Polygon", "coordinates": [[[NaN, 1], [2, 2], [3, 1]]]}',
        '{"type": "FeatureCollection"}',
        '{"type": "Polygon"}',
    ],
)
def test_a_bad_file_gives_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RoiError, match=r"export the regions") as error:
        read_rois(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_bad_archive_are_told(tmp_path: Path) -> None:
    with pytest.raises(RoiError, match="check the path"):
        read_rois(tmp_path / "missing.geojson")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(RoiError, match="export the regions"):
        read_rois(tmp_path / "bad.zip")


def test_a_damaged_and_an_encrypted_archive_are_told(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(json.dumps(QUPATH).encode()))
    damaged[20:40] = b"\xff" * 20
    (tmp_path / "damaged.geojson.gz").write_bytes(damaged)
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.writestr("a.geojson", json.dumps(QUPATH))
    encrypted = bytearray((tmp_path / "whole.zip").read_bytes())
    encrypted[6] |= 1  # the flag, in the file's header and in the directory
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "encrypted.zip").write_bytes(encrypted)
    for name, why in (("damaged.geojson.gz", "cannot be read"), ("encrypted.zip", "encrypted")):
        with pytest.raises(RoiError, match=rf"{why}.*export the regions again\.$"):
            read_rois(tmp_path / name)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keep.geojson"
    write_rois(path, rois_from_geojson(QUPATH))

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RoiError, match="No space left on device"):
        write_rois(path, [])
    assert len(read_rois(path)) == 5
    assert [p.name for p in tmp_path.iterdir()] == ["keep.geojson"]
