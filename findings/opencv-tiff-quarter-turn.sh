#!/usr/bin/env bash
# OpenCV 5.0.0 cannot read a TIFF that is not square and whose Orientation tag asks for a quarter
# turn (5 to 8): imread returns None. A square picture with the same tag is read and turned, and a
# JPEG with the same EXIF orientation is turned whatever its shape.
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
