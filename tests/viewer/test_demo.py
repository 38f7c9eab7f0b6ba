"""The generated slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.generated.optics import Optics
from ssmamba.generated.sheet import MPP, Sheet
from ssmamba.generated.slide import HEIGHT, WIDTH, DemoSlide, demo_regions
from ssmamba.rois.geojson import read_rois
from ssmamba.slides.slide import Slide
from viewer.demo import demo_files, ensure_demo
from viewer.demo.drawn import DESCRIPTION, levels_of
from viewer.demo.pyramid import write_pyramid


def small_slide(rows: int, columns: int) -> DemoSlide:
    """Dark in the upper left corner, ink in the upper right one, glass elsewhere."""
    sheet = Sheet.blank(columns, rows)
    sheet.haematoxylin[: rows // 2, : columns // 2] = 200
    ink = np.zeros((rows, columns), np.uint8)
    ink[: rows // 2, columns // 2 :] = 255
    return DemoSlide(sheet, ink)


@pytest.mark.parametrize("mpp", [MPP, None])
def test_openslide_reads_every_level_with_its_scale(tmp_path: Path, mpp: float | None) -> None:
    path = tmp_path / "a.tif"
    shares: list[float] = []
    levels = levels_of(small_slide(1300, 2600), Optics())
    write_pyramid(path, levels, mpp, DESCRIPTION, shares.append)
    with Slide.open(path) as slide:
        assert slide.info.vendor == "generic-tiff"
        assert [(lv.width, lv.height) for lv in slide.levels] == [
            (2600, 1300), (1300, 650), (650, 325)
        ]  # fmt: skip
        assert slide.mpp == (None if mpp is None else pytest.approx(mpp))
        assert "Generated tissue" in slide.info.properties["tiff.ImageDescription"]
        for level, lv in enumerate(slide.levels):
            picture = slide.read_region(0, 0, level, lv.width, lv.height)
            grey, low, high = picture.mean(-1), lv.height // 4, 3 * lv.height // 4
            assert grey[low, lv.width // 4] < 150
            assert grey[high, 3 * lv.width // 4] > 230
            inked = picture[low, 3 * lv.width // 4]
            assert inked[0] < 40 < inked[2]
            assert grey[-1, -1] > 230  # the last, padded tile
    assert shares == sorted(shares) and shares[-1] == 1.0


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
        pen = next(roi for roi in demo_regions() if roi.id == "demo-pen")
        x, y = (round(v) for v in pen.bounds[:2])
        inked = slide.read_region(x + 100, y + 100, 0, 64, 64).mean((0, 1))
        assert inked[0] < 40 < inked[2]
    assert steps[-1][0] == steps[-1][1]
    assert not list((tmp_path / "cache").glob("*.partial"))
