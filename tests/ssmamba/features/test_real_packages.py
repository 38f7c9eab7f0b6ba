"""Files that the real packages write, installed without their dependencies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssmamba.features.reading import read_tiles

pytestmark = pytest.mark.slow


def installed(name: str, folder: Path) -> Path:
    """A pinned package in a folder of its own; skips where it cannot be fetched."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
    done = subprocess.run([*command, name], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{name} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return folder


ATLAS = """
import sys
from pathlib import Path

import numpy as np
from atlas_patch.services.storage import H5PatchWriter

path = Path(sys.argv[1])
writer = H5PatchWriter(
    chunk_rows=64, patch_size=224, patch_size_level0=449, level0_mag=20, target_mag=10,
    level0_wh=(2000, 2000), overlap=0, slide_stem="a", wsi_path="a.svs",
)
places = [(0, 0), (449, 0), (449, 0), (0, 449)]
patches = [np.full((4, 4, 3), number, np.uint8) for number in (0, 1, 1, 3)]
entries = [(x, y, 224, 224, 1, patch) for (x, y), patch in zip(places, patches)]
writer.write_coords(path, entries, batch=3)
writer.append_features(
    output_path=path, entries=entries, feature_name="uni", feature_attrs={}, feature_batch=3,
    feature_fn=lambda found: np.stack([np.full(5, p[0, 0, 0], np.float32) for p in found]),
)
"""


def test_places_of_atlas_patch(tmp_path: Path) -> None:
    packages = installed("atlas-patch==1.1.0", tmp_path / "packages")
    path = tmp_path / "a.h5"
    code = f"import sys; sys.path.insert(0, {str(packages)!r})\n{ATLAS}"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    found = read_tiles(path)
    assert (found.layout, found.side) == ("atlas-patch", 449)
    assert found.places.tolist() == [[0, 0], [449, 0], [0, 449]]
    assert "1 of 4 tiles are in a.h5 twice" in found.notes[0]
    assert found.features("uni").tolist() == np.full((5, 3), (0.0, 1.0, 3.0)).T.tolist()
