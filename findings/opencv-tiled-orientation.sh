#!/usr/bin/env bash
# OpenCV 5.0.0 scrambles a tiled 8-bit RGB TIFF whose Orientation tag mirrors it or turns it by
# half (2 and 3): the mirroring from left to right happens within each tile, not across the picture.
# The same picture in strips, or tiled with 16 bits, is turned as a whole, as the tag asks.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   OpenCV 5.0.0 tifffile 2026.3.3
#    8 bits, strips, orientation 1: expected 0 % wrong pixels, saw 0%
#    8 bits, strips, orientation 2: expected 0 % wrong pixels, saw 0%
#    8 bits, strips, orientation 3: expected 0 % wrong pixels, saw 0%
#    8 bits, strips, orientation 4: expected 0 % wrong pixels, saw 0%
#    8 bits, tiles , orientation 1: expected 0 % wrong pixels, saw 0%
#    8 bits, tiles , orientation 2: expected 0 % wrong pixels, saw 100%
#    8 bits, tiles , orientation 3: expected 0 % wrong pixels, saw 100%
#    8 bits, tiles , orientation 4: expected 0 % wrong pixels, saw 0%
#   16 bits, strips, orientation 1: expected 0 % wrong pixels, saw 0%
#   16 bits, strips, orientation 2: expected 0 % wrong pixels, saw 0%
#   16 bits, strips, orientation 3: expected 0 % wrong pixels, saw 0%
#   16 bits, strips, orientation 4: expected 0 % wrong pixels, saw 0%
#   16 bits, tiles , orientation 1: expected 0 % wrong pixels, saw 0%
#   16 bits, tiles , orientation 2: expected 0 % wrong pixels, saw 0%
#   16 bits, tiles , orientation 3: expected 0 % wrong pixels, saw 0%
#   16 bits, tiles , orientation 4: expected 0 % wrong pixels, saw 0%
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6
env/bin/python - <<'PYTHON'
import sys

import cv2
import numpy as np
import tifffile

print("OpenCV", cv2.__version__, "tifffile", tifffile.__version__)
rows, columns = np.mgrid[:48, :64]
picture = np.stack([rows * 4, columns * 3, np.full_like(rows, 60)], -1).astype(np.uint8)
TURN = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1]}
mirrored = np.concatenate([picture[:, x : x + 16][:, ::-1] for x in range(0, 64, 16)], axis=1)
SCRAMBLED = {2: mirrored, 3: mirrored[::-1]}  # each tile mirrored from left to right in its place

wrong = set()
for bits in (8, 16):
    pixels = picture if bits == 8 else picture.astype(np.uint16) * 257
    for tile in (None, (16, 16)):
        for orientation, turn in TURN.items():
            tag = [(274, 3, 1, orientation, True)]
            tifffile.imwrite("a.tif", pixels, photometric="rgb", tile=tile, extratags=tag)
            assert (tifffile.imread("a.tif") == pixels).all()
            read = cv2.imread("a.tif", cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)[..., ::-1]
            share = float((read != turn(pixels)).any(axis=-1).mean())
            layout = "tiles" if tile else "strips"
            print(f"{bits:2} bits, {layout:6}, orientation {orientation}: "
                  f"expected 0 % wrong pixels, saw {share:.0%}")
            if share:
                kind = "scrambled" if (read == SCRAMBLED.get(orientation)).all() else "other"
                wrong.add((bits, layout, orientation, kind))
as_described = wrong == {(8, "tiles", 2, "scrambled"), (8, "tiles", 3, "scrambled")}
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
