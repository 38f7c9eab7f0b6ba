"""Our regions through other programs and back; their packages are installed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ssmamba.rois.geojson import read_region_file, write_rois
from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Ring, Roi

PACKAGES = ("geopandas==1.2.0", "dlup==0.9.4")
GEOPANDAS = """
import sys, geopandas
geopandas.read_file(sys.argv[1]).to_file(sys.argv[2], driver="GeoJSON")
"""
DLUP = """
import sys, json
from dlup.annotations import SlideAnnotations
found = SlideAnnotations.from_geojson(sys.argv[1]).as_geojson()
json.dump(found, open(sys.argv[2], "w"))
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def box(left: float, top: float, side: float) -> Ring:
    return ((left, top), (left + side, top), (left + side, top + side), (left, top + side))


def regions() -> list[Roi]:
    names = {"classification": {"names": ["Stroma", "Positive"]}}
    return [
        Roi(((box(0, 0, 90), box(20, 20, 30)),), name="hole", class_name="Tumor",
            color=(200, 0, 0), locked=True, measurements={"Area": 1.5}),
        Roi(((box(200, 0, 50),), (box(300, 0, 50),)), name="two parts", extra=names,
            class_name="Stroma: Positive", color=(1, 2, 3)),
        Roi(((box(400, 0, 50),),), kind="rectangle", name="plain", color=(31, 119, 180)),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    installed = subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES])
    if installed.returncode:
        pytest.skip(f"{', '.join(PACKAGES)} cannot be installed here")
    return python


def through(python: Path, script: str, folder: Path, rois: list[Roi]) -> list[Roi]:
    """Regions written, read and written by the program, and read again, without a note."""
    ours, theirs = folder / "ours.geojson", folder / "theirs.geojson"
    write_rois(ours, rois)
    subprocess.run([python, "-c", script, ours, theirs], check=True)
    file = read_region_file(theirs)
    assert file.notes == ()
    return file.rois


def test_geopandas(python: Path, tmp_path: Path) -> None:
    rois = regions()
    back = through(python, GEOPANDAS, tmp_path, rois)
    for ours, theirs in zip(rois, back, strict=True):
        for member in ("id", "name", "class_name", "color", "locked", "kind"):
            assert getattr(theirs, member) == getattr(ours, member)
        assert area_of(theirs) == area_of(ours)
    assert back[0].measurements == {"Area": 1.5}


def test_dlup(python: Path, tmp_path: Path) -> None:
    """It gives a region without a class its name for one, and splits parts."""
    rois = regions()
    back = through(python, DLUP, tmp_path, rois)
    assert sum(area_of(roi) for roi in back) == sum(area_of(roi) for roi in rois)
    assert {(r.class_name, r.color) for r in back} == {
        (r.class_name or r.name, r.color) for r in rois
    }
