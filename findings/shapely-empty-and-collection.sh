#!/usr/bin/env bash
# shapely 2.2.0 (GEOS 3.14.1): the intersection of an empty polygon with a collection of a line and
# a point raises "Should never reach here". Such a collection is what the intersection of two areas
# gives that touch along an edge and at a corner, so counting what several areas share, step by
# step from nothing, fails on valid areas. With a polygon that is not empty, or a line alone, the
# answer is empty, as expected.
#
# Output on 2026-11-30, Linux, Python 3.11:
#   shapely 2.2.0 GEOS 3.14.1
#   two valid areas: True - shared: GEOMETRYCOLLECTION (LINESTRING (1 3, 2 3), POINT (3 3))
#   empty polygon: expected an empty geometry, saw AssertionFailedException: Should never reach here: Unable to determine overlay result geometry dimension
#   empty multipolygon: expected an empty geometry, saw AssertionFailedException: Should never reach here: Unable to determine overlay result geometry dimension
#   square far away: expected an empty geometry, saw LINESTRING EMPTY
#   empty polygon with a line alone: LINESTRING EMPTY
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check shapely==2.2.0 numpy==2.4.6
env/bin/python - <<'PYTHON'
import sys

import shapely
from shapely.geometry import Polygon, box

print("shapely", shapely.__version__, "GEOS", ".".join(map(str, shapely.geos_version)))
# a bar, and two squares that touch it: one along an edge, one at a corner
areas = box(1, 3, 2, 4).union(box(3, 3, 4, 4)), box(0, 2, 3, 3)
shared = shapely.intersection(*areas)
print("two valid areas:", all(shapely.is_valid(areas)), "- shared:", shared.wkt)


def outcome(a, b):
    try:
        return shapely.intersection(a, b).wkt
    except shapely.errors.GEOSException as error:
        return str(error)


seen = {}
for name, other in (
    ("empty polygon", Polygon()),
    ("empty multipolygon", shapely.MultiPolygon()),
    ("square far away", box(50, 50, 51, 51)),
):
    seen[name] = outcome(other, shared)
    print(f"{name}: expected an empty geometry, saw {seen[name]}")
line = outcome(Polygon(), shapely.from_wkt("LINESTRING (2 3, 1 3)"))
print("empty polygon with a line alone:", line)
raised = "Should never reach here" in seen["empty polygon"]
as_described = (
    shared.geom_type == "GeometryCollection" and raised
    and "EMPTY" in seen["square far away"] and "EMPTY" in line
)
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
