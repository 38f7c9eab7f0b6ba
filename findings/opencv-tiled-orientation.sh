#!/usr/bin/env bash
# OpenCV 5.0.0 scrambles a tiled 8-bit RGB TIFF whose Orientation tag mirrors it or turns it by
# half (2 and 3): each tile is mirrored in its own place. The same picture in strips, or tiled
# with 16 bits, is mirrored as a whole, as the tag asks.
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
                wrong.add((bits, layout, orientation))
as_described = wrong == {(8, "tiles", 2), (8, "tiles", 3)}
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
