"""A map of tiles in the window: opened, painted, read under the cursor, made into regions."""

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QPoint

from ssmamba.errors import DataError
from ssmamba.rois.geometry import area_of
from tests.slides import write_pyramid
from viewer.controllers.tile_maps import read_map, regions_of


def write_table(path, side=100, columns=("p", "score")):
    """A grid of 8 × 5 tiles; p rises to the right, score downwards."""
    lines = [",".join(("x", "y", "width", "height", *columns))]
    for row in range(5):
        for column in range(8):
            values = {"p": column / 10, "score": row * 3.0}
            cells = (column * side, row * side, side, side, *(values[c] for c in columns))
            lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def opened(bench, tmp_path):
    """The bench with a slide of 1000 × 700 px and its map."""
    slide = tmp_path / "wide.tif"
    write_pyramid(slide, 1000, 700)
    bench.open(slide)
    bench.work.files.open([str(write_table(tmp_path / "map.csv"))])
    bench.qtbot.waitUntil(lambda: bench.work.tile_maps.maps.map is not None)
    bench.settle()
    return bench


def colour_at(bench, x, y):
    canvas = bench.window.canvas
    image = canvas.grab().toImage()
    place = canvas.camera.view.to_screen(x, y).toPoint()
    return np.array(image.pixelColor(QPoint(place.x(), place.y())).getRgb()[:3], int)


def test_it_is_painted_where_its_tiles_are(opened):
    maps = opened.work.tile_maps.maps
    maps.set_look(opacity=1.0, colormap="gray")
    low, high, off = (colour_at(opened, x, 350) for x in (150, 750, 950))
    assert np.ptp(low) == 0 and np.ptp(high) == 0 and np.ptp(off) > 0
    assert high[0] - low[0] > 100
    maps.set_look(visible=False)
    assert np.ptp(colour_at(opened, 750, 350)) > 0


def test_the_panel_says_the_raw_value_under_the_cursor(opened):
    panel = opened.window.panels["tile_map"]
    assert panel.isVisibleTo(opened.window)
    opened.window.canvas.cursor_moved.emit(350.0, 250.0)
    assert panel.under_cursor.text() == "Under the cursor: 0.3"
    panel.column_box.setCurrentText("score")
    panel.column_box.activated.emit(1)
    opened.window.canvas.cursor_moved.emit(350.0, 250.0)
    assert panel.under_cursor.text() == "Under the cursor: 6"
    opened.window.canvas.cursor_moved.emit(990.0, 690.0)
    assert panel.under_cursor.text() == ""


def test_what_is_above_a_value_becomes_regions_and_can_be_undone(opened):
    panel, before = opened.window.panels["tile_map"], len(opened.document.rois)
    panel.threshold.setValue(120)  # .6 of 0 to 1
    assert opened.work.tile_maps.maps.look.threshold == pytest.approx(0.6)
    assert opened.work.tile_maps.make_regions() == 1
    made = opened.document.rois[-1]
    assert made.name == "p ≥ 0.6, 1"
    assert area_of(made) == pytest.approx(2 * 100 * 500)
    opened.document.undo()
    assert len(opened.document.rois) == before


def test_it_goes_with_its_slide(opened, slide_file):
    opened.open(slide_file)
    assert opened.work.tile_maps.maps.map is None
    assert not opened.window.panels["tile_map"].isVisibleTo(opened.window)


def test_a_map_of_another_slide_is_refused_in_one_sentence(bench, tmp_path):
    path = write_table(tmp_path / "far.csv", side=5000)
    bench.work.files.open([str(path)])
    bench.qtbot.waitUntil(lambda: "lie off this slide" in bench.texts(bench.window))
    assert bench.work.tile_maps.maps.map is None


def test_features_are_shown_by_their_numbers(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        coords = file.create_dataset("coords", data=np.array([[0, 0], [256, 0]]))
        coords.attrs.update({"patch_size": 256, "patch_size_level0": 256})
        file.create_dataset("features", data=np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    found = read_map(tmp_path / "s.h5", 600, 300)
    assert list(found.columns) == ["Feature 1", "Feature 2"]
    assert found.columns["Feature 2"].tolist() == [2, 4]
    with pytest.raises(DataError, match="1 of 2 tiles"):
        read_map(tmp_path / "s.h5", 300, 300)


def test_parts_that_touch_in_a_corner_only_are_two_regions():
    squares = np.array([[0, 0, 10], [10, 0, 10], [20, 10, 10], [50, 50, 10]], float)
    made = regions_of(squares, "p")
    assert sorted(area_of(roi) for roi in made) == [100, 100, 200]
    ring = [(x, y, 10.0) for x in (0, 10, 20) for y in (0, 10, 20) if (x, y) != (10, 10)]
    (with_hole,) = regions_of(np.array(ring, float), "p")
    assert area_of(with_hole) == 800 and len(with_hole.polygons[0]) == 2
    assert regions_of(np.zeros((0, 3)), "p") == []


def write_feature_file(path):
    """40 tiles of 100 px in two kinds, the left half and the right one."""
    places = np.array([(100 * column, 100 * row) for row in range(5) for column in range(8)])
    right = places[:, 0] >= 400
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 12)) * 0.1 + np.where(right[:, None], 1, -1)
    with h5py.File(path, "w") as file:
        file["features"] = features.astype(np.float32)
        file["coords"] = places
        file["coords"].attrs["patch_size_level0"] = 100
        file["coords"].attrs["patch_size"] = 100
    return right


def test_features_are_seen_at_once_by_likeness_and_in_groups(bench, tmp_path):
    slide = tmp_path / "wide.tif"
    write_pyramid(slide, 1000, 700)
    bench.open(slide)
    right = write_feature_file(tmp_path / "wide.h5")
    bench.work.files.open([str(tmp_path / "wide.h5")])
    maps = bench.work.tile_maps.maps
    bench.qtbot.waitUntil(lambda: maps.map is not None)
    bench.settle()
    maps.set_look(opacity=1.0)
    assert maps.look.column == "Likeness as colour (PCA)"
    red = [colour_at(bench, x, 250)[0] for x in (50, 250, 650)]  # the first component
    assert abs(red[0] - red[2]) > 200 and abs(red[0] - red[1]) < 50
    maps.choose("Groups of like tiles (k-means)")
    assert set(maps.values) == set(range(1, 9))
    for number in range(1, 9):  # no group spans both kinds
        assert len(set(right[maps.values == number])) == 1
    panel = bench.window.panels["tile_map"]
    assert "Like colours are like tiles" in panel._ends.text() and not panel._colors.isEnabled()
    maps.choose("Feature 1")
    assert panel._colors.isEnabled()
