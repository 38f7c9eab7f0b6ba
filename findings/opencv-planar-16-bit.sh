#!/usr/bin/env bash
# OpenCV 5.0.0 scrambles 16-bit RGB TIFFs whose planes are stored apart (PlanarConfiguration 2).
# The same picture with 8 bits, or with interleaved 16 bits, is read exactly. imread gives an
# array of the right shape and type either way, so nothing hints at the wrong pixels.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   OpenCV 5.0.0 tifffile 2026.3.3
#    8 bits, contig  : expected 0 % wrong pixels, saw 0%
#    8 bits, separate: expected 0 % wrong pixels, saw 0%
#   16 bits, contig  : expected 0 % wrong pixels, saw 0%
#   16 bits, separate: expected 0 % wrong pixels, saw 100%
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
red, green, blue, pink = (200, 60, 60), (60, 200, 60), (60, 60, 200), (230, 150, 200)
picture = np.empty((96, 128, 3), np.uint8)
picture[:48, :64], picture[:48, 64:], picture[48:, :64], picture[48:, 64:] = red, green, blue, pink

seen = {}
for bits in (8, 16):
    pixels = picture if bits == 8 else picture.astype(np.uint16) * 257
    for planar in ("contig", "separate"):
        stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0).copy()
        tifffile.imwrite("a.tif", stored, photometric="rgb", planarconfig=planar)
        assert (tifffile.imread("a.tif") == stored).all()
        read = cv2.imread("a.tif", cv2.IMREAD_UNCHANGED)[..., ::-1]  # BGR to RGB
        assert read.shape == pixels.shape and read.dtype == pixels.dtype
        wrong = float((read != pixels).any(axis=-1).mean())
        seen[bits, planar] = wrong
        print(f"{bits:2} bits, {planar:8}: expected 0 % wrong pixels, saw {wrong:.0%}")

as_described = seen.pop((16, "separate")) > 0.5 and not any(seen.values())
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
