"""Our regions through other programs and back; their packages are installed for it."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ssmamba.rois.geojson import read_region_file, write_rois
from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Ring, Roi
from tests.slides import write_pyramid

PROGRAMS = {
    "geopandas": [["geopandas==1.2.0"]],
    "dlup": [["dlup==0.9.4"]],
    "lazyslide": [["lazyslide==0.13.0"]],
    # its store of annotations needs little; with all that it asks for come another torch and CUDA
    "tiatoolbox": [["--no-deps", "tiatoolbox==2.1.3"], ["pandas", "pyyaml", "shapely"]],
}
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
LAZYSLIDE = """
import sys, lazyslide
from wsidata import open_wsi
slide = open_wsi(sys.argv[3], store=None)
lazyslide.io.load_annotations(slide, sys.argv[1], key_added="regions", in_bounds=False)
lazyslide.io.export_annotations(
    slide, "regions", classes="classification_name", format="qupath", file=sys.argv[2]
)
"""
TIATOOLBOX = """
import sys
from tiatoolbox.annotation.storage import DictionaryStore
store = DictionaryStore()
store.add_from_geojson(sys.argv[1])
store.to_geojson(sys.argv[2])
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
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the program; it shares what is installed here, torch above all."""
    folder = tmp_path_factory.mktemp(request.param)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    ours, theirs = (subprocess.check_output([which, "-c", asked], text=True).strip()
                    for which in (sys.executable, python))  # fmt: skip
    (Path(theirs) / "shared.pth").write_text(ours)
    for what in PROGRAMS[request.param]:
        if subprocess.run([python, "-m", "pip", "install", "-q", *what], check=False).returncode:
            pytest.skip(f"{' '.join(what)} cannot be installed here")
    return python


program = partial(pytest.mark.parametrize, "python", indirect=True)


def through(python: Path, script: str, folder: Path, rois: list[Roi]) -> list[Roi]:
    """Regions written, read and written by the program, and read again, without a note."""
    ours, theirs = folder / "ours.geojson", folder / "theirs.geojson"
    write_rois(ours, rois)
    slide = folder / "slide.tif"
    write_pyramid(slide)
    subprocess.run([python, "-c", script, ours, theirs, slide], check=True)
    file = read_region_file(theirs)
    assert file.notes == ()
    return file.rois


@program(argvalues=["geopandas"])
def test_geopandas(python: Path, tmp_path: Path) -> None:
    rois = regions()
    back = through(python, GEOPANDAS, tmp_path, rois)
    for ours, theirs in zip(rois, back, strict=True):
        for member in ("id", "name", "class_name", "color", "locked", "kind"):
            assert getattr(theirs, member) == getattr(ours, member)
        assert area_of(theirs) == area_of(ours)
    assert back[0].measurements == {"Area": 1.5}


@program(argvalues=["dlup"])
def test_dlup(python: Path, tmp_path: Path) -> None:
    """It gives a region without a class its name for one, and splits parts."""
    rois = regions()
    back = through(python, DLUP, tmp_path, rois)
    assert sum(area_of(roi) for roi in back) == sum(area_of(roi) for roi in rois)
    assert {(r.class_name, r.color) for r in back} == {
        (r.class_name or r.name, r.color) for r in rois
    }


@program(argvalues=["lazyslide"])
def test_lazyslide(python: Path, tmp_path: Path) -> None:
    rois = regions()
    back = through(python, LAZYSLIDE, tmp_path, rois)  # parts become regions
    assert sum(area_of(roi) for roi in back) == sum(area_of(roi) for roi in rois)
    told, ours = (
        {(r.name, r.class_name, r.color, r.locked) for r in all_} for all_ in (back, rois)
    )
    assert told == ours


@program(argvalues=["tiatoolbox"])
def test_tiatoolbox(python: Path, tmp_path: Path) -> None:
    """It takes no area of several parts."""
    rois = [roi for roi in regions() if len(roi.polygons) == 1]
    back = through(python, TIATOOLBOX, tmp_path, rois)
    for ours, theirs in zip(rois, back, strict=True):
        for member in ("name", "class_name", "color", "locked", "measurements"):
            assert getattr(theirs, member) == getattr(ours, member)
        assert area_of(theirs) == area_of(ours)
