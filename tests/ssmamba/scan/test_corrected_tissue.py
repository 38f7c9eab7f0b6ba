"""--tissue: regions that count as tissue and regions that do not, by their class."""

import csv
import json
import shutil

import pytest

from ssmamba.extract import main as extract
from ssmamba.features.reading import read_tiles


def regions(path, *boxes):
    """Boxes of class, left, top, right, bottom, level-0 pixels, as QuPath exports them."""
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[a, b], [c, b], [c, d], [a, d], [a, b]]],
            },
            "properties": {"objectType": "annotation", "classification": {"name": name}},
        }
        for name, a, b, c, d in boxes
    ]  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def corners(table):
    with table.open(newline="") as file:
        return {(int(row["minx"]), int(row["miny"])) for row in csv.DictReader(file)}


def test_regions_count_and_are_left_out(scan, tmp_path):
    _, _, out = scan("slides/one.tif")
    found = corners(out / "one" / "tiles.csv")
    assert (0, 320) not in found and (256, 192) in found
    boxes = ("Tissue", 0, 320, 64, 384), ("no tissue", 256, 192, 320, 256), ("Tumor", 0, 0, 64, 64)
    path = regions(tmp_path / "own.geojson", *boxes)
    status, said, out = scan("slides/one.tif", "--tissue", path)
    assert status == 0, said
    assert "regions that count: 1; left out: 1; of other classes, not used: 1" in said
    assert corners(out / "one" / "tiles.csv") == (found | {(0, 320)}) - {(256, 192)}


def test_a_slide_is_read_again_where_its_correction_changed_and_no_other_one(scan, tmp_path):
    folder = tmp_path / "corrections"
    regions(folder / "two.geojson", ("No tissue", 256, 192, 320, 256))
    status, said, out = scan("slides", "--tissue", folder)
    assert status == 0 and said.count("tiles of") == 3
    first = {n: (out / n / "tiles.csv").read_bytes() for n in ("one", "two", "three")}
    assert "tiles of" not in scan("slides", "--tissue", folder)[1]
    regions(folder / "two.geojson", ("No tissue", 256, 192, 384, 256))
    status, said, _ = scan("slides", "--tissue", folder)
    assert status == 0 and said.count("tiles of") == 1 and "two.tif: tissue corrected" in said
    changed = {n for n, bytes_ in first.items() if (out / n / "tiles.csv").read_bytes() != bytes_}
    assert changed == {"two"}


def test_a_ruler_on_the_tissue_is_no_tissue(scan, tmp_path):
    path = regions(tmp_path / "own.geojson", ("No tissue", 256, 192, 320, 256))
    held = json.loads(path.read_text())
    ruler = {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[0, 320], [64, 384]]},
        "properties": {
            "classification": {"name": "Tissue"}, "metadata": {"measured as": "ruler"},
        },
    }  # fmt: skip
    held["features"].append(ruler)
    path.write_text(json.dumps(held))
    status, said, _ = scan("slides/one.tif", "--preflight", "--tissue", path)
    assert status == 0 and "regions that count: 0; left out: 1" in said


NOTHING = [
    ("slides/one.tif", "a.geojson", [("Tumor", 0, 0, 64, 64)], "no region of the class Tissue"),
    ("slides", "a.geojson", [("Tissue", 0, 0, 64, 64)], "is one file, and there are 3 slides"),
    ("slides", "c/other.geojson", [("Tissue", 0, 0, 9, 9)], "has no file for any of the slides"),
    ("slides/one.tif", "", [], "There is no file or folder"),
]


@pytest.mark.parametrize(("slides", "name", "boxes", "why"), NOTHING)
def test_what_corrects_nothing_is_one_sentence(scan, tmp_path, slides, name, boxes, why):
    path = regions(tmp_path / name, *boxes) if name else tmp_path / "gone.geojson"
    given = path.parent if "/" in name else path
    status, said, out = scan(slides, "--tissue", given)
    assert status == 2 and why in said
    assert not list(out.glob("*/tiles.csv"))


def test_preflight_counts_the_tiles_of_the_corrected_tissue(scan, tmp_path):
    whole = regions(tmp_path / "a.geojson", ("Tissue", 0, 0, 1000, 1000))
    _, before, _ = scan("slides/one.tif", "--preflight")
    status, said, out = scan("slides/one.tif", "--preflight", "--tissue", whole)
    assert status == 0 and "; 48 tiles of" in said and "; 48 tiles of" not in before
    assert not out.exists()


def test_features_are_of_the_corrected_tissue(folder, tmp_path, capsys):
    own = tmp_path / "one.tif"
    shutil.copy(folder / "slides" / "one.tif", own)
    command = [str(own), "--encoder", str(folder / "model.safetensors"), "--device", "cpu"]
    command += ["--out", str(tmp_path / "out")]
    path = regions(tmp_path / "a.geojson", ("No tissue", 0, 0, 1000, 192))
    assert extract(command) == 0
    (file,) = (tmp_path / "out").rglob("one.h5")
    before = read_tiles(file).places
    assert extract([*command, "--tissue", str(path)]) == 0
    after = read_tiles(file).places
    assert before[:, 1].min() < 192 == after[:, 1].min()
    stamp = file.stat().st_mtime_ns
    assert extract([*command, "--tissue", str(path)]) == 0 and file.stat().st_mtime_ns == stamp
    capsys.readouterr()
