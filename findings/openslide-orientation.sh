#!/usr/bin/env bash
# OpenSlide 4.0.1 mirrors every tile of a generic tiled TIFF in its own place when the file's
# Orientation tag is not 1. One would expect the tag to be ignored (pixels as stored) or obeyed
# (the whole picture turned); what comes out is a mosaic of mirrored tiles that is neither.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   OpenSlide 4.0.1 openslide-python 1.4.7
#   orientation 1: expected 'as stored' or 'turned as a whole', saw ['as stored', 'turned as a whole', 'each tile mirrored in place']
#   orientation 2: expected 'as stored' or 'turned as a whole', saw ['each tile mirrored in place']
#   orientation 3: expected 'as stored' or 'turned as a whole', saw ['each tile mirrored in place']
#   orientation 4: expected 'as stored' or 'turned as a whole', saw ['each tile mirrored in place']
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check \
    openslide-python==1.4.7 openslide-bin==4.0.1.2 tifffile==2026.3.3 numpy==2.4.6
env/bin/python - <<'PYTHON'
import sys

import numpy as np
import openslide
import tifffile

print("OpenSlide", openslide.__library_version__, "openslide-python", openslide.__version__)
SIDE, TILE = 512, 256
rows, columns = np.mgrid[:SIDE, :SIDE]
stored = np.stack([rows // 2, columns // 2, np.full_like(rows, 60)], -1).astype(np.uint8)
TURN = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1]}


def tile_by_tile(turn):
    out = np.empty_like(stored)
    for y in range(0, SIDE, TILE):
        for x in range(0, SIDE, TILE):
            out[y : y + TILE, x : x + TILE] = turn(stored[y : y + TILE, x : x + TILE])
    return out


as_described = True
for orientation, turn in TURN.items():
    tag = [(274, 3, 1, orientation, True)]
    tifffile.imwrite("a.tif", stored, photometric="rgb", tile=(TILE, TILE), compression="deflate",
                     extratags=tag)
    assert (tifffile.imread("a.tif") == stored).all()
    with openslide.OpenSlide("a.tif") as slide:
        read = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))[..., :3]
    kinds = {"as stored": stored, "turned as a whole": turn(stored),
             "each tile mirrored in place": tile_by_tile(turn)}
    seen = [kind for kind, pixels in kinds.items() if (read == pixels).all()]
    print(f"orientation {orientation}: expected 'as stored' or 'turned as a whole', saw {seen}")
    as_described &= orientation == 1 or seen == ["each tile mirrored in place"]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
