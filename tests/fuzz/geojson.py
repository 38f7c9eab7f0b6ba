"""Region files: ours, QuPath's and those of annotation programs."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.rois import geometry
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.reading import read_regions
from ssmamba.rois.roi import Roi
from tests.fuzz.harness import Door, Sample
from training.prepare.truth import read_lesions

SQUARE = (
    ((0.0, 0.0), (40.0, 0.0), (40.0, 40.0), (0.0, 40.0)),
    ((8.0, 8.0), (9.0, 8.0), (9.0, 9.0)),
)
ASAP = (
    "<ASAP_Annotations><Annotations><Annotation Name='A' Type='Polygon' PartOfGroup='_0'>"
    "<Coordinates><Coordinate Order='0' X='0' Y='0'/><Coordinate Order='1' X='9' Y='0'/>"
    "<Coordinate Order='2' X='9' Y='9,5'/></Coordinates></Annotation></Annotations>"
    "</ASAP_Annotations>"
)
IMAGESCOPE = (
    "<Annotations MicronsPerPixel='0.25'><Annotation Id='1' Name='Tumor' LineColor='65280'>"
    "<Attributes><Attribute Name='Description' Id='0' Value='a'/></Attributes><Regions>"
    "<Region Id='1' Type='0' Text='' NegativeROA='0' InputRegionId='0'><Vertices>"
    "<Vertex X='0' Y='0'/><Vertex X='9' Y='0'/><Vertex X='9' Y='9,5'/></Vertices></Region>"
    "<Region Id='2' Type='2' NegativeROA='1' InputRegionId='1'><Vertices><Vertex X='4' Y='1'/>"
    "<Vertex X='6' Y='3'/></Vertices></Region></Regions></Annotation></Annotations>"
)
FOREIGN = {
    "type": "FeatureCollection",
    "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    "features": [
        {
            "type": "Feature",
            "id": "PathAnnotationObject",
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [[[[0, 0], [9, 0], [9, 9], [0, 0]]]],
            },
            "properties": {
                "isLocked": False,
                "classification": {"name": "Tumor", "colorRGB": -3670016},
                "measurements": [{"name": "Area", "value": 3.5}],
            },
        },
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [3, 4]},
            "properties": None,
        },
        {
            "type": "Feature",
            "geometry": {"type": "GeometryCollection", "geometries": []},
            "properties": {"classification": {"names": ["a", "b"], "color": [1, 2, 3]}},
        },
    ],
}


def samples(folder: Path) -> list[Sample]:
    folder.mkdir(parents=True)
    rois = [
        Roi((SQUARE,), name="first", class_name="tumor", color=(1, 2, 3), measurements={"a": 2.0}),
        Roi((((((5.0, 5.0),)),),), kind="point"),
    ]
    write_rois(folder / "own.geojson", rois)
    own = (folder / "own.geojson").read_bytes()
    foreign = json.dumps(FOREIGN, indent=1).encode()
    return [
        Sample("own.geojson", own),
        Sample("own.geojson.gz", gzip.compress(own, mtime=0)),
        Sample("foreign.geojson", foreign),
        Sample("features.json", json.dumps(FOREIGN["features"]).encode()),
        Sample("tumor_001.xml", ASAP.encode()),
        Sample("imagescope.xml", IMAGESCOPE.encode()),
    ]


def enter(path: Path) -> None:
    if path.name.startswith("tumor"):
        with contextlib.suppress(DataError):
            read_lesions(path)
    found = read_regions(path, (3, 4))
    for roi in found.rois:
        geometry.area_of(roi)
    write_rois(path.with_name("again.geojson"), found.rois, (3, 4))
    again = read_regions(path.with_name("again.geojson"), (3, 4))
    assert [roi.id for roi in again.rois] == [roi.id for roi in found.rois], "lost on the way"


DOOR = Door("geojson", samples, enter, text=True)
