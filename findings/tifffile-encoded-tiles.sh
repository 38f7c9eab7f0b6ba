#!/usr/bin/env bash
# tifffile 2026.3.3 refuses to write tiles that are compressed already (an iterator of JPEG bytes,
# which its documentation allows) unless imagecodecs can be imported, although no encoder runs:
# with the package installed, the very bytes that were passed stand in the file.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
install() { env/bin/python -m pip install -q --disable-pip-version-check "$@"; }
install tifffile==2026.3.3 numpy==2.4.6 pillow==12.0.0
cat > write.py <<'PYTHON'
import io

import numpy as np
import tifffile
from PIL import Image

buffer = io.BytesIO()
picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
Image.fromarray(picture).save(buffer, "JPEG", quality=90, subsampling=2)
tile = buffer.getvalue()
try:
    tifffile.imwrite(
        "a.tif", iter([tile]), shape=(64, 64, 3), dtype="uint8", tile=(64, 64),
        photometric="ycbcr", subsampling=(2, 2), compression="jpeg", metadata=None,
    )
except (KeyError, ValueError) as error:
    print(f"refused: {error}")
else:
    with tifffile.TiffFile("a.tif") as file:
        page = file.pages[0]
        file.filehandle.seek(page.dataoffsets[0])
        same = file.filehandle.read(page.databytecounts[0]) == tile
    print("written", "unchanged" if same else "encoded anew")
PYTHON
without="$(env/bin/python write.py)"
install imagecodecs==2026.3.6
with="$(env/bin/python write.py)"
echo "tifffile 2026.3.3, tiles compressed beforehand; expected: written unchanged, both times"
echo "without imagecodecs: $without"
echo "with imagecodecs 2026.3.6: $with"
case "$without/$with" in
    *"requires the 'imagecodecs' package"*"/written unchanged") echo "as described" ;;
    *) echo "CHANGED"; exit 1 ;;
esac
