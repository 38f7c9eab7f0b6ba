#!/usr/bin/env bash
# OpenSlide 4.0.1 silently drops the full-resolution page of a tiled TIFF whose first page is an
# overview. A pyramid of 128, 512 and 256 px opens as a slide of 256 px with an overview of 128:
# neither the first page nor the largest becomes level 0, and nothing is reported.
# With the largest page first, the same three pages are read in full.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   OpenSlide 4.0.1 openslide-python 1.4.7
#   largest page first:  expected ((512, 512), (256, 256), (128, 128)), saw ((512, 512), (256, 256), (128, 128))
#   overview page first: expected ((512, 512), (256, 256), (128, 128)), saw ((256, 256), (128, 128))
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
pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)


def levels(sides):
    with tifffile.TiffWriter("a.tif") as file:
        for side in sides:
            step = 512 // side
            file.write(np.ascontiguousarray(pixels[::step, ::step]), photometric="rgb",
                       tile=(64, 64), subfiletype=0 if side == 512 else 1, metadata=None)
    with openslide.OpenSlide("a.tif") as slide:
        return slide.level_dimensions


EXPECTED = ((512, 512), (256, 256), (128, 128))
largest_first, overview_first = levels((512, 256, 128)), levels((128, 512, 256))
print(f"largest page first:  expected {EXPECTED}, saw {largest_first}")
print(f"overview page first: expected {EXPECTED}, saw {overview_first}")
as_described = largest_first == EXPECTED and overview_first == EXPECTED[1:]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
