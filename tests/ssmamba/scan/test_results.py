"""What a scan writes: the same answers as ``predict``, doubt first, read by others."""

import csv
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.jobs.classify import answer
from ssmamba.engine.messages import Classify, ClassifyResult, SlideRef
from ssmamba.headless.scan import heat_map
from ssmamba.reading.doubts import CODES
from ssmamba.reading.values import NO_CLASS, ReadOptions
from ssmamba.rois.geojson import read_region_file
from ssmamba.rois.roi import Roi
from ssmamba.runtime.device import choose_device
from tests import qupath
from tests.ssmamba.checkpoints.made import CLASSES


@pytest.fixture
def read(scan):
    status, said, out = scan("slides/one.tif", "--least-tissue", "0")
    assert status == 0, said
    return out / "one"


@pytest.fixture
def bench():
    made = Bench(choose_device("cpu"))
    yield made
    made.slides.keep_only(())


def rows_of(folder):
    with (folder / "tiles.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_predict_and_scan_give_a_region_the_same_answers(folder, bench, read):
    """One reading path: a region of 3 × 2 windows of the grid, window by window."""
    x, y, side = 192, 128, 64
    ring = ((x, y), (x + 3 * side, y), (x + 3 * side, y + 2 * side), (x, y + 2 * side))
    ref, model = SlideRef(str(folder / "slides/one.tif")), str(folder / "model.safetensors")
    request = Classify(0, ref, Roi(((ring,),)), (model,), ReadOptions("tiles"))
    *_, found = (r for r in answer(request, bench, lambda: 0.0, model) if r is not None)
    assert isinstance(found, ClassifyResult)
    rows = {(int(r["minx"]), int(r["miny"])): r for r in rows_of(read)}
    windows = found.windows.array
    assert len(windows) == 6
    for window, values in zip(windows, found.window_probabilities.array, strict=True):
        row = rows[int(window[0]), int(window[1])]
        assert int(row["width"]) == window[2]
        own = [float(row[f"prob_{info.key}"]) for info in CLASSES]
        np.testing.assert_allclose(own, values, atol=1e-6)


def test_each_window_has_the_doubt_that_predict_gives_a_region_of_it_alone(folder, bench, read):
    ref, model = SlideRef(str(folder / "slides/one.tif")), str(folder / "model.safetensors")
    rows = rows_of(read)
    seen = set()
    for row in rows:
        x, y, side = int(row["minx"]), int(row["miny"]), int(row["width"])
        if x + side > 500 or y + side > 400:
            continue  # predict moves a window that leaves the slide
        ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
        request = Classify(0, ref, Roi(((ring,),)), (model,), ReadOptions("tiles"))
        *_, found = (r for r in answer(request, bench, lambda: 0.0, model) if r is not None)
        assert found.trust.doubt == row["doubt"], (x, y)
        seen.add(row["doubt"])
    assert {"", "glass"} <= seen


def test_doubt_comes_first_in_the_table_and_for_qupath(read):
    text = (read / "tiles.geojson").read_text(encoding="utf-8")
    rows, found = rows_of(read), json.loads(text)
    lines = text.splitlines()[1:-1]
    assert [json.dumps(f, ensure_ascii=False) for f in found["features"]] == [
        line.removesuffix(",") for line in lines
    ]
    assert not list(qupath.problems(found))
    assert len(rows) == len(found["features"]) > 20
    names = {info.name for info in CLASSES}
    for row, feature in zip(rows, found["features"], strict=True):
        properties = feature["properties"]
        assert properties["objectType"] == "tile"
        assert properties["classification"]["color"]
        assert bool(row["predicted"]) == (row["doubt"] == "")
        assert (properties["classification"]["name"] in names) == (row["doubt"] == "")
        shown = [row[f"prob_{info.key}"] for info in CLASSES]
        assert all(shown) != (row["doubt"] in NO_CLASS)
        for info, text in zip(CLASSES, shown, strict=True):
            assert properties["measurements"].get(info.name, "") == (float(text) if text else "")
    regions = read_region_file(read / "tiles.geojson")
    assert len(regions.rois) == len(rows) and not regions.notes


def test_the_heat_map_holds_the_table_at_its_places(read):
    summary = json.loads((read / "summary.json").read_text())
    with tifffile.TiffFile(read / "heatmap.ome.tif") as file:
        planes = file.asarray()
        assert 'PhysicalSizeX="32.0"' in file.ome_metadata
        assert "Tumour" in file.ome_metadata and "Doubt" in file.ome_metadata
    assert planes.shape == (4, summary["rows"], summary["columns"])
    read_cells = 0
    for row in rows_of(read):
        at = int(row["miny"]) // 64, int(row["minx"]) // 64
        read_cells += 1
        assert planes[-1][at] == CODES.index(row["doubt"])
        text = row["prob_tumor"]
        if text:
            assert planes[0][at] == pytest.approx(float(text), abs=1e-6)
        else:
            assert np.isnan(planes[0][at])
    assert np.isfinite(planes[-1]).sum() == read_cells


def test_a_large_grid_has_a_pyramid(scan, monkeypatch):
    monkeypatch.setattr(heat_map, "SMALLEST_PX", 4)
    _, _, out = scan("slides/one.tif", "--format", "tiff")
    with tifffile.TiffFile(out / "one" / "heatmap.ome.tif") as file:
        series = file.series[0]
        assert len(series.levels) == 2
        fine, coarse = series.levels[0].asarray(), series.levels[1].asarray()
    assert coarse.shape == (4, -(-fine.shape[1] // 2), -(-fine.shape[2] // 2))
    assert np.nanmax(coarse[0]) <= np.nanmax(fine[0])


def test_areas_add_up(read):
    summary = json.loads((read / "summary.json").read_text())
    assert sum(r["tiles"] for r in summary["areas"]) == summary["tiles"] == len(rows_of(read))
    assert sum(r["area_mm2"] for r in summary["areas"]) == pytest.approx(
        summary["tiles"] * (64 * 0.5) ** 2 / 1e6
    )
    assert summary["tile_side_px"] == 64 and summary["mpp"] == 1.0


def test_the_overview_shows_the_slide_twice(read):
    with Image.open(read / "overview.png") as picture:
        assert picture.width >= 2 * 500 and picture.height > 400


def test_windows_overlap_only_when_asked(scan):
    places = []
    for overlap in ("0", "0.5"):
        _, _, out = scan("slides/one.tif", "--overlap", overlap, "--format", "csv", out=overlap)
        rows = rows_of(out / "one")
        places.append({(int(r["minx"]), int(r["miny"])) for r in rows})
        assert not (out / "one" / "tiles.geojson").exists()
    assert all(x % 64 == 0 and y % 64 == 0 for x, y in places[0])
    assert len(places[1]) > 3 * len(places[0])
    assert {x % 32 for x, _ in places[1]} == {0}


def test_a_folder_and_a_table_give_one_line_for_each_slide(folder, scan):
    table = folder / "cohort.csv"
    table.write_text("slide,patient,mpp\nslides/one.tif,P1,\nno-mpp.tif,P2,0.5\n")
    status, said, out = scan("slides", "cohort.csv", "--format", "csv")
    assert status == 0, said
    with (out / "summary.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [r["folder"] for r in found] == ["one", "three", "two", "no-mpp"]
    assert {r["status"] for r in found} == {"done"}
    assert found[-1]["patient"] == "P2" and found[-1]["slide_mpp"] == "0.5"
