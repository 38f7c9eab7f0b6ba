"""Maps of whole slides against outlines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

from ssmamba.checkpoints.checkpoint import load
from ssmamba.errors import DataError
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier
from training.config import ScanEvaluateConfig
from training.evaluation.scans import (
    TileMap,
    best_threshold,
    outlines_of,
    scan_evaluate,
    score_of,
    truth_shares,
)

SIDE = 100.0


def tiles(values: list[float]) -> TileMap:
    """A row of tiles from (0, 0) on."""
    places = np.array([[SIDE * n, 0.0] for n in range(len(values))])
    return TileMap(Path("slide.tif"), SIDE, places, np.array(values))


def test_areas_and_ranks_as_worked_out_by_hand():
    """Outlines over the first tile and a half, and as much where nothing was read."""
    read, outlines = (
        tiles([0.9, 0.4, 0.6, np.nan]),
        box(0, 0, 150, 100).union(box(900, 0, 1050, 100)),
    )
    shares = truth_shares(read, outlines)
    np.testing.assert_allclose(shares, [1, 0.5, 0, 0])
    score = score_of(read, shares, outlines.area, threshold=0.5)
    assert (score.tiles, score.unread, score.positive) == (4, 1, 2)
    assert score.auc == 0.5  # of two pairs, (0.9, 0.6) is in order and (0.4, 0.6) is not
    assert score.precision == 0.5  # two tiles are marked, one is inside
    assert score.recall == pytest.approx(1 / 3)  # of three tiles' area
    assert score.dice == pytest.approx(2 * 1 / (2 + 3))


def test_a_slide_without_the_class_has_no_auc_and_says_so():
    read, outlines = tiles([0.2, 0.3]), box(500, 500, 600, 600)
    score = score_of(read, truth_shares(read, outlines), outlines.area, 0.5)
    assert np.isnan(score.auc) and np.isnan(score.precision) and score.dice == 0


def test_the_threshold_has_the_best_dice_and_takes_equal_probabilities_together():
    probabilities = np.array([0.9, 0.8, 0.8, 0.3, 0.2])
    assert best_threshold(probabilities, np.array([1, 1, 0, 0, 0], bool)) == 0.8
    assert best_threshold(probabilities, np.array([1, 0, 0, 0, 0], bool)) == 0.9
    assert best_threshold(probabilities, np.array([0, 0, 0, 0, 1], bool)) == 0.2
    with pytest.raises(DataError, match="no image of that class"):
        best_threshold(probabilities, np.zeros(5, bool))


def feature(name: str, left: float) -> dict:
    ring = [[left, 0], [left + 100, 0], [left + 100, 100], [left, 100], [left, 0]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"classification": {"name": name}} if name else {},
    }


def write_outlines(path: Path, *features: dict) -> None:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    path = tmp_path / "slide.tif"
    write_pyramid(path, 400, 300, levels=1)
    return path


def test_only_regions_of_the_class_count_however_it_is_written(slide: Path):
    folder, names = slide.parent, ("tumour", "Invasive tumour")
    write_outlines(folder / "slide-truth.geojson", feature("Tumour", 0), feature("stroma", 200))
    assert outlines_of(slide, folder, names).bounds == (0, 0, 100, 100)
    write_outlines(folder / "slide.geojson", feature("", 100), feature("", 300))
    assert outlines_of(slide, folder, names).bounds == (100, 0, 400, 100)
    write_outlines(folder / "slide.geojson", feature("stroma", 100))
    with pytest.raises(DataError, match="no region of tumour; its classes: stroma"):
        outlines_of(slide, folder, names)


def written_scan(folder: Path, slide: Path, sha256: str, keys: list[str]) -> None:
    folder.mkdir(parents=True)
    summary = {"slide": str(slide), "model_sha256": sha256, "tile_side_px": 100}
    (folder / "summary.json").write_text(json.dumps(summary))
    with (folder / "tiles.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["minx", "miny", "width", "height", *(f"prob_{key}" for key in keys)])
        for x, value in ((0, 0.9), (100, 0.1), (200, 0.2)):
            writer.writerow(
                [x, 0, 100, 100, value, *[(1 - value) / (len(keys) - 1)] * (len(keys) - 1)]
            )


def test_the_command_writes_scores_and_a_picture(slide: Path, tmp_path: Path):
    model = save_classifier(tmp_path / "model.safetensors")
    found = load(model)
    keys = [info.key for info in found.card.classes]
    write_outlines(tmp_path / "slide.geojson", feature(keys[0], 0))
    written_scan(tmp_path / "maps" / "slide", slide, found.sha256, keys)
    config = ScanEvaluateConfig(
        scans=tmp_path / "maps", checkpoint=model, truth=tmp_path, positive=keys[0],
        out=tmp_path / "out", threshold=0.5,
    )  # fmt: skip
    scan_evaluate(config)
    result = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert result["slides"][0]["dice"] == 1 and result["slides"][0]["auc"] == 1
    with Image.open(tmp_path / "out" / "slide.png") as picture:
        assert picture.width > 800


def test_a_map_of_another_model_is_refused(slide: Path, tmp_path: Path):
    model = save_classifier(tmp_path / "model.safetensors")
    keys = [info.key for info in load(model).card.classes]
    write_outlines(tmp_path / "slide.geojson", feature(keys[0], 0))
    written_scan(tmp_path / "maps" / "slide", slide, "another", keys)
    config = ScanEvaluateConfig(
        scans=tmp_path / "maps", checkpoint=model, truth=tmp_path, positive=keys[0],
        out=tmp_path / "out", threshold=0.5,
    )  # fmt: skip
    with pytest.raises(DataError, match="made by another model"):
        scan_evaluate(config)
    assert not (tmp_path / "out").exists()
