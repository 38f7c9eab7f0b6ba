"""What is odd in a region file costs itself alone, and is named."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssmamba.errors import RoiError
from ssmamba.rois import geojson, region_file
from ssmamba.rois.geojson import read_region_file, read_rois, rois_to_geojson, write_rois
from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Roi

SQUARE: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]],
}


def feature(geometry: Any = SQUARE, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


Reading = Callable[..., geojson.RegionFile]


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Read features, or the text of some, between two sound ones."""

    def reading(*odd: Any) -> geojson.RegionFile:
        texts = [o if isinstance(o, str) else json.dumps(o) for o in odd]
        sound = json.dumps(feature(name="sound"))
        path = tmp_path / "odd.geojson"
        path.write_text(f"[{', '.join([sound, *texts, sound])}]", encoding="utf-8")
        return read_region_file(path)

    return reading


def only(read: Reading, *odd: Any) -> Roi:
    """The region of one feature that is read in full."""
    file = read(*odd)
    assert file.notes == ()
    return file.rois[1]


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (1, "1 is not a feature"),
        ({"type": "Topology"}, '"Topology" is not a feature'),
        ({"type": "FeatureCollection"}, '"FeatureCollection" is not a feature'),
        (feature({}), "unknown type null"),
        (feature([1]), "its geometry is [1]"),
        (feature({"type": "Circle", "coordinates": [1, 2]}), "unknown type"),
        (feature({"type": "Polygon"}), "its coordinates are null"),
        (feature({"type": "Polygon", "coordinates": [["1,2", "3,4"]]}), 'hold "1,2" in place of'),
        (feature({"type": "Polygon", "coordinates": ["12"]}), 'hold "12" in place of a list'),
        (feature({"type": "Point", "coordinates": [True, 1]}), "which is no place"),
        (feature({"type": "Point", "coordinates": [5]}), "hold [5] in place of [x, y]"),
        (feature({"type": "MultiPoint", "coordinates": [{"x": 1}]}), "in place of [x, y]"),
        (feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), "fewer than three"),
        (feature({"type": "Polygon", "coordinates": [[[0, 0], [5, 5], [9, 9]]]}), "no area"),
        (feature({"type": "Polygon", "coordinates": [[[5, 5]] * 5]}), "encloses no area"),
        (feature({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9]]] * 2}), "no area"),
        (feature({"type": "Polygon", "coordinates": [[], [[0, 0], [1, 0], [1, 1]]]}), "outline"),
        (feature({"type": "Point", "coordinates": [int("9" * 400), 1]}), "no place on a slide"),
        (feature({"type": "Point", "coordinates": [1e300, 1]}), "no place on a slide"),
        ('{"type": "Point", "coordinates": [NaN, 1]}', "no place on a slide"),
        ('{"type": "Point", "coordinates": [1e999, 1]}', "no place on a slide"),
        ('{"type": "Point", "coordinates": [1, ' + "9" * 5000 + "]}", "too many digits"),
        ('{"type": "Feature", "x": ' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
        ({"type": "Feature", "geometry": SQUARE, "properties": [1]}, "its properties are [1]"),
    ],
)  # fmt: skip
def test_a_feature_that_cannot_be_read_is_skipped(read: Reading, odd: Any, why: str) -> None:
    file = read(odd)
    assert [roi.name for roi in file.rois] == ["sound", "sound"] and file.skipped == 1
    (note,) = file.notes
    assert note.startswith("1 of 3 features were skipped: feature 2: ") and why in note
    assert note.endswith("import the file again.") and len(note) < 250


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ({"classification": 3}, "classification 3"),
        ({"classification": {"name": ["a"]}}, 'name ["a"]'),
        ({"color": "no colour"}, 'color "no colour"'),
        ({"color": [1, 2]}, "color [1, 2]"),
        ({"color": [1e999, 0, 0]}, "color [Infinity, 0, 0]"),
        ({"measurements": [{"name": "area"}]}, 'measurement "area"'),
        ({"measurements": {"area": "large"}}, 'measurement "area"'),
        ({"metadata": ["a"]}, 'metadata ["a"]'),
        ({"isLocked": "perhaps"}, 'isLocked "perhaps"'),
        ({"name": {"a": 1}}, 'name {"a": 1}'),
    ],
)
def test_a_member_that_is_not_understood_does_not_cost_its_region(
    read: Reading, properties: dict[str, Any], what: str
) -> None:
    file = read(feature(**{"name": "odd", **properties}))
    assert len(file.rois) == 3 and file.skipped == 0
    (note,) = file.notes
    assert note.startswith("1 of 3 features were read without some members: feature 2: ")
    assert what in note


def test_a_part_without_an_area_costs_itself_alone(read: Reading) -> None:
    whole = SQUARE["coordinates"]
    for flat in ([[0, 0], [1, 1], [0, 0]], [[0, 0], [1, 1]]):
        file = read(feature({"type": "MultiPolygon", "coordinates": [whole, [flat]]}))
        assert len(file.rois) == 3 and area_of(file.rois[1]) == area_of(file.rois[0])
        assert "fewer than three corners and was left out" in file.notes[0]
    line = {"type": "Polygon", "coordinates": [[[0, 0], [5, 5], [9, 9]]]}
    file = read(feature({"type": "GeometryCollection", "geometries": [SQUARE, line]}))
    assert len(file.rois) == 3 and "a part encloses no area" in file.notes[0]
    eight = [[0, 0], [100, 100], [100, 0], [0, 100]]  # its loops turn either way
    assert area_of(only(read, feature({"type": "Polygon", "coordinates": [eight]}))) == 5000


def test_a_flat_region_of_a_session_comes_back() -> None:
    """It may have been dragged flat, and be drawn out again."""
    flat = Roi(((((0.0, 0.0), (5.0, 5.0), (9.0, 9.0)),),), id="a")
    assert geojson.rois_from_geojson(rois_to_geojson([flat])) == [flat]


@pytest.mark.parametrize("value", [False, "false", 0, None])
def test_what_is_no_ellipse_is_none(read: Reading, value: Any) -> None:
    assert only(read, feature({**SQUARE, "isEllipse": value})).kind == "rectangle"
    assert only(read, feature({**SQUARE, "isEllipse": "true"})).kind == "ellipse"


def test_what_nests_deeply_is_left_out_and_can_be_saved(read: Reading, tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    file = read(feature(name="N", deep=deep, flat=[[1]]))
    (note,) = file.notes
    assert '"deep" is nested too deeply' in note
    write_rois(tmp_path / "out.geojson", file.rois)
    again = read_region_file(tmp_path / "out.geojson")
    assert again.notes == () and again.rois[1].extra["properties"]["flat"] == [[1]]


def test_many_odd_features_are_one_sentence(read: Reading) -> None:
    (note,) = read(*[7] * 40).notes
    assert note.startswith("40 of 42 features were skipped: feature 2: ") and len(note) < 300
    assert "; …. " in note


def test_a_feature_without_a_place_is_left_out_in_silence(read: Reading) -> None:
    for geometry in (None, {"type": "Polygon", "coordinates": []}):
        file = read(feature(geometry))
        assert len(file.rois) == 2 and file.notes == ()


def test_nested_collections_and_a_feature_a_line_are_read(tmp_path: Path) -> None:
    inner = {"type": "GeometryCollection", "geometries": [SQUARE, SQUARE]}
    nested = feature({"type": "GeometryCollection", "geometries": [inner, SQUARE]})
    for start in ("", "\x1e"):  # RFC 8142 puts a record separator before each
        path = tmp_path / "lines.geojson"
        path.write_text("".join(f"{start}{json.dumps(f)}\n" for f in (nested, feature(name="b"))))
        file = read_region_file(path)
        assert len(file.rois) == 4 and file.rois[3].name == "b" and file.notes == ()
        assert len({roi.id for roi in file.rois}) == 4


@pytest.mark.parametrize(
    ("written", "name", "color"),
    [
        ("{'name': 'Tumor', 'color': [200, 0, 0]}", "Tumor", (200, 0, 0)),  # as pandas prints it
        ('{"name": "Tumor"}', "Tumor", None),
        ("['Stroma', 'Positive']", "Stroma: Positive", None),
        ("{not a name}", "{not a name}", None),
        ("None", "", None),
        ("<NA>", "", None),
    ],
)
def test_a_class_written_out_as_text_is_what_it_stands_for(
    read: Reading, written: str, name: str, color: Any
) -> None:
    roi = only(read, feature(classification=written))
    assert (roi.class_name, roi.color) == (name, color)


@pytest.mark.parametrize("value", ["false", "False", "0", 0, 0.0, False, None, "NaN", "no"])
def test_what_means_unlocked_is_unlocked(read: Reading, value: Any) -> None:
    assert not only(read, feature(isLocked=value, name="a")).locked


@pytest.mark.parametrize("value", ["true", "True", "1", 1, 1.0, True])
def test_what_means_locked_is_locked(read: Reading, value: Any) -> None:
    assert only(read, feature(isLocked=value)).locked


@pytest.mark.parametrize(
    ("written", "color"),
    [
        ([219, 26, 51], (219, 26, 51)),
        ([0.86, 0.1, 0.2], (219, 26, 51)),
        ([1.0, 0.0, 0.0], (255, 0, 0)),
        ([1, 0.5, 0], (255, 128, 0)),
        ([1, 0, 0], (1, 0, 0)),
        ([214.0, 39.0, 40.0, 255.0], (214, 39, 40)),
        ([300, -5, 0], (255, 0, 0)),
        (-65536, (255, 0, 0)),
        (-65536.0, (255, 0, 0)),
        ("-65536", (255, 0, 0)),
        ("[200   0   0]", (200, 0, 0)),
        ("[ 31 119 180]", (31, 119, 180)),
        ("(200, 0, 0)", (200, 0, 0)),
        ("[0.86 0.1 0.2]", (219, 26, 51)),
        ("#c80000", (200, 0, 0)),
        ("rgb(200, 0, 0)", (200, 0, 0)),
        ("red", (255, 0, 0)),
        (None, None),
        ("", None),
        ("nan", None),
    ],
)
def test_a_colour_is_read_however_it_is_written(read: Reading, written: Any, color: Any) -> None:
    assert only(read, feature(color=written, name="a")).color == color
    named = only(read, feature(classification={"name": "T", "color": written}))
    assert (named.class_name, named.color) == ("T", color)


def test_a_class_without_a_colour_has_none_when_it_comes_back(
    read: Reading, tmp_path: Path
) -> None:
    roi = only(read, feature(classification={"name": "T"}))
    write_rois(tmp_path / "out.geojson", [roi])
    (back,) = read_region_file(tmp_path / "out.geojson").rois
    assert (back.class_name, back.color) == ("T", None)


def test_z_and_the_reference_system_are_kept(tmp_path: Path) -> None:
    places = [[0, 0, 3], [9, 0, 4.5], [9, 9, 3], [0, 0, 3]]
    written = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:x"}},
        "features": [
            {**feature({"type": "Polygon", "coordinates": [places]}), "id": "a"},
            {**feature({"type": "Point", "coordinates": [1, 2, 3]}), "id": "b"},
        ],
    }
    path, out = tmp_path / "in.geojson", tmp_path / "out.geojson"
    for document in (written, {k: written[k] for k in ("type", "features", "crs")}):
        path.write_text(json.dumps(document))
        write_rois(out, read_region_file(path).rois)
        back = json.loads(out.read_text())
        assert back["crs"] == written["crs"]
        assert [f["geometry"] for f in back["features"]] == [
            f["geometry"] for f in written["features"]
        ]
    own = Roi(((((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)),),))
    write_rois(out, [*read_region_file(path).rois, own])  # not of that system
    back = json.loads(out.read_text())
    assert "crs" not in back and [("crs" in f) for f in back["features"]] == [True, True, False]


def test_z_that_all_vertices_share_stays_when_some_are_cut_away(read: Reading) -> None:
    from dataclasses import replace

    from ssmamba.rois.geojson import rois_to_geojson

    places = [[0, 0, 3], [9, 0, 3], [9, 9, 3], [0, 9, 3]]
    roi = only(read, feature({"type": "Polygon", "coordinates": [places]}))
    cut = replace(roi, polygons=((roi.polygons[0][0][:3],),))
    (ring,) = rois_to_geojson([cut])["features"][0]["geometry"]["coordinates"]
    assert ring == [[0, 0, 3], [9, 0, 3], [9, 9, 3], [0, 0, 3]]


def zipped(path: Path, method: int, data: bytes) -> bytearray:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("r.geojson", data)
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_anywhere_in_an_archive_is_one_sentence(method: int, tmp_path: Path) -> None:
    assert bz2 and lzma  # Python may be built without them
    path = tmp_path / "r.zip"
    whole = zipped(path, method, json.dumps(feature(name="a" * 50)).encode())
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        try:
            read_region_file(path)
        except RoiError as error:
            assert "\n" not in str(error)
    for cut in range(1, len(whole), 7):
        path.write_bytes(whole[cut:])
        with pytest.raises(RoiError):
            read_region_file(path)


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(feature(name="a" * 5000)).encode()
    (tmp_path / "a.geojson").write_bytes(text)
    (tmp_path / "a.geojson.gz").write_bytes(gzip.compress(text))
    zipped(tmp_path / "a.zip", zipfile.ZIP_DEFLATED, text)
    for path in tmp_path.iterdir():
        assert len(read_region_file(path).rois) == 1
    monkeypatch.setattr(region_file, "MAX_BYTES", 4096)
    for path in tmp_path.iterdir():
        with pytest.raises(RoiError, match=r"holds more than .* split it"):
            read_region_file(path)


@pytest.mark.parametrize("given", [float("inf"), float("-inf"), float("nan"), "\ud800", "a\udfff"])
def test_an_id_that_no_file_can_hold_is_the_same_after_writing(tmp_path: Path, given: Any) -> None:
    feature = {
        "type": "Feature",
        "id": given,
        "geometry": {"type": "Point", "coordinates": [3, 4]},
        "properties": {"name": "p"},
    }
    (tmp_path / "a.geojson").write_text(json.dumps(feature))
    first = read_rois(tmp_path / "a.geojson")
    write_rois(tmp_path / "b.geojson", first)
    assert [roi.id for roi in read_rois(tmp_path / "b.geojson")] == [roi.id for roi in first]
