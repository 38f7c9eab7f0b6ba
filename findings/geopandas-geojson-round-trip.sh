#!/usr/bin/env bash
# geopandas 1.2.0 does not give back the GeoJSON that it read. A list of numbers is written as the
# text "[200   0   0]" (NumPy's printed form, not JSON) although an object with the same list in it
# survives; a true that other features lack becomes 1.0; a feature's id moves into its properties.
# QuPath's annotations have all three: color, isLocked, id.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   geopandas 1.2.0 pyogrio 0.13.0
#   color: expected [200, 0, 0], saw '[200   0   0]'
#   isLocked: expected True, saw 1.0
#   classification: expected {'name': 'Tumor', 'color': [200, 0, 0]}, saw {'name': 'Tumor', 'color': [200, 0, 0]}
#   id of the feature: expected '1f0c9a52-7a6e-4f2a-9d52-000000000001', saw None
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check \
    geopandas==1.2.0 pyogrio==0.13.0 pandas==2.3.3 shapely==2.2.0 numpy==2.4.6
env/bin/python - <<'PYTHON'
import json
import sys
from pathlib import Path

import geopandas
import pyogrio

print("geopandas", geopandas.__version__, "pyogrio", pyogrio.__version__)
polygon = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 0]]]}
first = {
    "type": "Feature", "id": "1f0c9a52-7a6e-4f2a-9d52-000000000001", "geometry": polygon,
    "properties": {"color": [200, 0, 0], "isLocked": True,
                   "classification": {"name": "Tumor", "color": [200, 0, 0]}},
}
second = {"type": "Feature", "id": "1f0c9a52-7a6e-4f2a-9d52-000000000002", "geometry": polygon,
          "properties": {}}
collection = {"type": "FeatureCollection", "features": [first, second]}
Path("a.geojson").write_text(json.dumps(collection))
geopandas.read_file("a.geojson").to_file("b.geojson", driver="GeoJSON")
back = json.loads(Path("b.geojson").read_text())["features"][0]


def report(what, expected, seen):
    print(f"{what}: expected {expected!r}, saw {seen!r}")
    return seen


properties = first["properties"]
color = report("color", properties["color"], back["properties"]["color"])
locked = report("isLocked", True, back["properties"]["isLocked"])
nested = report("classification", properties["classification"], back["properties"]["classification"])
place = report("id of the feature", first["id"], back.get("id"))
as_described = (
    isinstance(color, str) and locked is not True and nested == properties["classification"]
    and place is None and back["properties"]["id"] == first["id"]
)
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
