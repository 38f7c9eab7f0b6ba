#!/usr/bin/env bash
# OpenCV 5.0.0 cannot read a TIFF that is not square and whose Orientation tag asks for a quarter
# turn (5 to 8): imread returns None. A square picture with the same tag is read and turned, and a
# JPEG with the same EXIF orientation is turned whatever its shape.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   OpenCV 5.0.0 tifffile 2026.3.3
#   48x48, orientation 1: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 2: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 3: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 4: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 5: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 6: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 7: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x48, orientation 8: expected (48, 48), saw (48, 48) (TIFF), (48, 48) (JPEG)
#   48x64, orientation 1: expected (48, 64), saw (48, 64) (TIFF), (48, 64) (JPEG)
#   48x64, orientation 2: expected (48, 64), saw (48, 64) (TIFF), (48, 64) (JPEG)
#   48x64, orientation 3: expected (48, 64), saw (48, 64) (TIFF), (48, 64) (JPEG)
#   48x64, orientation 4: expected (48, 64), saw (48, 64) (TIFF), (48, 64) (JPEG)
#   48x64, orientation 5: expected (64, 48), saw None (TIFF), (64, 48) (JPEG)
#   48x64, orientation 6: expected (64, 48), saw None (TIFF), (64, 48) (JPEG)
#   48x64, orientation 7: expected (64, 48), saw None (TIFF), (64, 48) (JPEG)
#   48x64, orientation 8: expected (64, 48), saw None (TIFF), (64, 48) (JPEG)
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6 pillow==12.2.0
env/bin/python - 2> errors <<'PYTHON'
import sys

import cv2
import numpy as np
import tifffile
from PIL import Image

print("OpenCV", cv2.__version__, "tifffile", tifffile.__version__)
ORIENTATION = 274


def picture(height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 4, columns * 3, np.full_like(rows, 60)], -1).astype(np.uint8)


def shape_of(path):
    read = cv2.imread(path)
    return None if read is None else read.shape[:2]


as_described = True
for height, width in ((48, 48), (48, 64)):
    for orientation in range(1, 9):
        turned = orientation >= 5
        tag = [(ORIENTATION, 3, 1, orientation, True)]
        tifffile.imwrite("a.tif", picture(height, width), photometric="rgb", extratags=tag)
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        Image.fromarray(picture(height, width)).save("a.jpg", exif=exif)
        expected = (width, height) if turned else (height, width)
        tiff, jpeg = shape_of("a.tif"), shape_of("a.jpg")
        print(f"{height}x{width}, orientation {orientation}: expected {expected}, "
              f"saw {tiff} (TIFF), {jpeg} (JPEG)")
        refused = turned and height != width
        as_described &= tiff == (None if refused else expected) and jpeg == expected
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
