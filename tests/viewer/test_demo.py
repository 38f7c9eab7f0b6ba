"""The synthetic slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.rois.geojson import read_rois
from ssmamba.slides.slide import Slide
from viewer.demo import demo_files, ensure_demo
from viewer.demo.painting import HEIGHT, MPP, WIDTH, Tissue, demo_regions
from viewer.demo.pyramid import write_pyramid


def small_tissue(rows: int, columns: int) -> Tissue:
    """Dark in the upper left corner, glass elsewhere."""
    haematoxylin = np.zeros((rows, columns), np.uint8)
    haematoxylin[: rows // 2, : columns // 2] = 200
    return Tissue(haematoxylin, np.zeros((rows, columns), np.uint8))


def test_openslide_reads_every_level_with_its_scale(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    shares: list[float] = []
    write_pyramid(path, small_tissue(1300, 2600), shares.append)
    with Slide.open(path) as slide:
        assert slide.info.vendor == "generic-tiff"
        assert [(lv.width, lv.height) for lv in slide.levels] == [
            (2600, 1300), (1300, 650), (650, 325)
        ]  # fmt: skip
        assert slide.mpp == pytest.approx(MPP)
        assert "ynthetic" in slide.info.properties["tiff.ImageDescription"]
        for level, lv in enumerate(slide.levels):
            picture = slide.read_region(0, 0, level, lv.width, lv.height).mean(-1)
            assert picture[lv.height // 4, lv.width // 4] < 150
            assert picture[3 * lv.height // 4, 3 * lv.width // 4] > 230
            assert picture[-1, -1] > 230  # the last, padded tile
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_the_demos_regions_lie_on_it() -> None:
    for roi in demo_regions():
        left, top, right, bottom = roi.bounds
        assert left > 0 and top > 0 and right < WIDTH and bottom < HEIGHT and roi.name


def test_a_demo_that_is_there_is_not_drawn_again(tmp_path: Path) -> None:
    files = demo_files(tmp_path)
    files.slide.write_bytes(b"kept")
    files.regions.write_bytes(b"kept")
    assert ensure_demo(tmp_path) == files
    assert files.slide.read_bytes() == b"kept"


@pytest.mark.slow
def test_the_demo_is_drawn_with_its_regions(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    files = ensure_demo(tmp_path / "cache", lambda done, total: steps.append((done, total)))
    assert len(read_rois(files.regions)) == len(demo_regions())
    with Slide.open(files.slide) as slide:
        assert slide.dimensions == (WIDTH, HEIGHT)
    assert steps[-1][0] == steps[-1][1]
    assert not list((tmp_path / "cache").glob("*.partial"))
