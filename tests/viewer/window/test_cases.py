"""The small inputs that were once got wrong, as a user of the window sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from tests.acceptance.test_cases import PICTURES, case
from tests.slides import tissue_like, write_pyramid
from tests.tiffs import Kind, Page, write_tiff
from tests.viewer.conftest import Bench
from viewer.window.main_window import MainWindow


@pytest.fixture
def desk(window: MainWindow, qtbot: QtBot) -> Iterator[Bench]:
    """A window without a slide."""
    return Bench(window, qtbot)


def told(bench: Bench) -> str:
    """The sentence that is shown."""
    message = bench.window.message_bar.message
    return "" if message is None else message.text


def bring_in(bench: Bench, path: Path) -> None:
    bench.window.message_bar.close_message()
    ends: list[object] = []
    work = bench.work
    work.regions.imported.connect(ends.append)
    work.regions.import_failed.connect(ends.append)
    work.files.import_regions(str(path))
    bench.qtbot.waitUntil(lambda: bool(ends))
    bench.settle()


def colours(bench: Bench, places: list[tuple[float, float]]) -> list[tuple[int, ...]]:
    """The colours on the screen at places of the slide, level-0 px."""
    shot: QImage = bench.window.canvas.grab().toImage()
    view, ratio = bench.window.canvas.camera.view, shot.devicePixelRatio()
    points = [view.to_screen(*place) for place in places]
    found = [shot.pixelColor(int(p.x() * ratio), int(p.y() * ratio)) for p in points]
    return [(colour.red(), colour.green(), colour.blue()) for colour in found]


def test_what_a_slide_does_not_show_is_said_in_the_window(desk: Bench, tmp_path: Path) -> None:
    samples = np.dstack([tissue_like(64, 64)] * 2)
    desk.open(write_tiff(tmp_path / "six.tif", [Page(samples, Kind(tile=32, extra=(0, 0, 0)))]))
    assert told(desk) == "six.tif: It has 3 channels beside its colours that are not shown."
    Image.fromarray(tissue_like(64, 64)).save(tmp_path / "flat.png", icc_profile=b"broken")
    desk.open(tmp_path / "flat.png")
    assert told(desk).startswith("flat.png: ") and "colour profile" in told(desk)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["tiled.tif", "strips.tif", "plain.png"])
def test_pixels_that_are_not_square_are_said_and_nothing_is_measured(
    desk: Bench, name: str
) -> None:
    path = case(f"unequal-mpp/{name}")
    desk.open(path)
    assert "The pixels are not square (0.25 µm across, 0.5 µm down)" in told(desk)
    assert desk.document.mpp is None


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["first-page-only/ome_rgb.ome.tif", "float-over-one/over.tif"])
def test_colours_are_those_on_the_screen(desk: Bench, name: str) -> None:
    path = case(name)
    desk.open(path)
    assert desk.document.slide is not None
    width, height = desk.document.slide.width, desk.document.slide.height
    places = [(width * x, height * y) for y in (1 / 8, 7 / 8) for x in (1 / 8, 7 / 8)]
    assert np.abs(np.array(colours(desk, places)) - PICTURES[name]).max() <= 1


@pytest.mark.shared_data
def test_fluorescence_is_one_sentence_and_the_open_slide_stays(bench: Bench) -> None:
    path = case("first-page-only/fluo.ome.tif")
    with bench.qtbot.waitSignal(bench.work.slides.failed):
        bench.work.files.open([str(path)])
    assert "a TIFF of 3 channels" in told(bench)
    assert bench.document.slide is not None and bench.document.slide.name == "small.tif"


@pytest.mark.shared_data
def test_overlapping_parts_are_as_large_as_what_was_drawn(desk: Bench, tmp_path: Path) -> None:
    path = case("overlapping-parts/parts.geojson")
    write_pyramid(tmp_path / "white.tif", picture=np.full((1536, 1536, 3), 255, np.uint8), mpp=1.0)
    desk.open(tmp_path / "white.tif")
    bring_in(desk, path)
    assert not told(desk)
    listed = desk.window.panels["regions"].model
    shown = [listed.area_text(roi) for roi in desk.document.rois]
    assert shown == ["1.84 mm²", "2.10 mm²", "0.980 mm²", "0.720 mm²"]


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "count"), [("same_id", 2), ("collection", 2), ("int_id", 1)])
def test_a_file_imported_three_times_is_there_once(bench: Bench, name: str, count: int) -> None:
    path = case(f"import-twice/{name}.geojson")
    for turn in range(3):
        bring_in(bench, path)
        assert len(bench.document.rois) == count
        assert told(bench).startswith("Already here: ") == (turn > 0)
    bench.document.change(replace(bench.document.rois[0], class_name="mine"), "Change class")
    bring_in(bench, path)
    assert len(bench.document.rois) == count and told(bench).startswith("Replaced by the file: 1")
    bench.document.undo()
    assert bench.document.rois[0].class_name == "mine"


@pytest.mark.shared_data
def test_hostile_regions_are_a_sentence_each_and_cost_nothing_else(bench: Bench) -> None:
    folder = case("hostile-geojson")
    bring_in(bench, case("import-twice/same_id.geojson"))
    before = tuple(bench.document.rois)
    for name, sentence in (
        ("int_400_digits.geojson", "which is no place on a slide); export the regions again."),
        ("lzma_flipped.zip", "cannot be read as a region file"),
        ("zip_head_cut.zip", "cannot be read as a region file"),
        ("nested_500.geojson", '"x" is nested too deeply and was left out'),
        ("color_1e999.geojson", "color [Infinity, 0, 0] was not understood"),
    ):
        bring_in(bench, folder / name)
        assert sentence in told(bench)
        assert tuple(bench.document.rois)[: len(before)] == before
    assert not bench.work.sessions.finish()  # all of it can be saved


@pytest.mark.shared_data
def test_slides_that_hash_alike_do_not_share_what_was_drawn(desk: Bench) -> None:
    first, second = case("hash-collision/A.tif"), case("hash-collision/B.tif")
    desk.open(first)
    desk.draw((10, 10), (40, 10), (40, 40), (10, 40))
    desk.open(second)
    assert not desk.document.rois
    desk.open(first)
    assert len(desk.document.rois) == 1
