"""Region files in the layouts of other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ssmamba.rois.geojson import read_region_file, with_own_id, write_rois
from ssmamba.rois.roi import Roi

SQUARE = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 0.0]]]}
FAR = {"type": "Polygon", "coordinates": [[[50.0, 0.0], [59.0, 0.0], [59.0, 9.0], [50.0, 0.0]]]}
UUID = "11111111-1111-4111-8111-111111111111"


def read(tmp_path: Path, *features: tuple[dict, dict], **around: Any) -> list[Roi]:
    """Regions of (geometry, properties); the file is read without a note, twice the same."""
    path = tmp_path / "other.geojson"
    document = {
        "type": "FeatureCollection",
        **around,
        "features": [{"type": "Feature", "properties": p, "geometry": g} for g, p in features],
    }
    path.write_text(json.dumps(document))
    file = read_region_file(path)
    assert file.notes == ()
    rois = [with_own_id(roi) for roi in file.rois]
    again = [with_own_id(roi).id for roi in read_region_file(path).rois]
    assert [roi.id for roi in rois] == again and len(set(again)) == len(again)
    return rois


def written(tmp_path: Path, rois: list[Roi]) -> list[dict]:
    write_rois(tmp_path / "out.geojson", rois)
    return json.loads((tmp_path / "out.geojson").read_text())["features"]


def test_geopandas_moves_the_id_and_writes_colours_and_classes_as_text(tmp_path: Path) -> None:
    properties = {"objectType": "annotation", "name": "A", "isLocked": 1.0}
    text, plain = '{"name": "Tumor", "color": [1, 2, 3]}', '"Plain string"'
    first, second, third = read(
        tmp_path,
        (SQUARE, {**properties, "id": UUID, "color": "[200   0   0]", "classification": text}),
        (FAR, {**properties, "id": "x", "color": "[ 31 119 180]", "classification": plain}),
        (FAR, {**properties, "isLocked": math.nan, "name": math.nan, "classification": math.nan}),
        name="layer", crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    )  # fmt: skip
    assert (first.id, first.class_name, first.color) == (UUID, "Tumor", (200, 0, 0))
    assert first.locked and second.locked and not third.locked
    assert (second.class_name, second.color) == ("Plain string", (31, 119, 180))
    assert (third.name, third.class_name) == ("", "")
    assert written(tmp_path, [first])[0]["properties"]["id"] == UUID


def test_lazyslide_splits_a_region_into_features_of_one_id(tmp_path: Path) -> None:
    said = {
        "id": UUID, "objectType": "annotation", "name": "B", "color": "[214  39  40]",
        "measurements": {"Area": 1.5}, "classification_name": "Colon",
        "classification": {"name": "Colon", "color": [27, 158, 119]},
    }  # fmt: skip
    first, second = read(tmp_path, (SQUARE, said), (FAR, said))
    assert first.id == UUID and second.class_name == "Colon"
    assert first.color == (214, 39, 40) and first.measurements == {"Area": 1.5}
    assert written(tmp_path, [first])[0]["properties"]["classification_name"] == "Colon"


def test_tiatoolbox_gives_the_class_as_type_and_shares_as_prob(tmp_path: Path) -> None:
    shares = {"prob_Normal": 0.2, "prob_Tumor": 0.8}
    tumor, three = read(tmp_path, (SQUARE, {**shares, "type": "Tumor"}), (FAR, {"type": 3}))
    assert (tumor.class_name, tumor.measurements) == ("Tumor", shares)
    assert three.class_name == "3"
    back = written(tmp_path, [tumor])[0]["properties"]
    assert back["classification"] == {"name": "Tumor"} and back["type"] == "Tumor"
    assert (back["prob_Tumor"], back["measurements"]) == (0.8, shares)


def test_a_classification_says_more_than_a_type(tmp_path: Path) -> None:
    (roi,) = read(tmp_path, (SQUARE, {"type": "x", "classification": {"name": "Tumor"}}))
    assert roi.class_name == "Tumor"


@pytest.mark.parametrize("classification", [{"names": ["A", "B"]}, ["A", "B"], '["A", "B"]'])
def test_a_class_of_several_names_has_one_in_all_beside_them_for_dlup(
    classification: Any, tmp_path: Path
) -> None:
    (roi,) = read(tmp_path, (SQUARE, {"classification": classification}))
    assert roi.class_name == "A: B"
    back = written(tmp_path, [roi])[0]["properties"]["classification"]
    assert (back["name"], back["names"]) == ("A: B", ["A", "B"])
