"""The µm/px of TIFF slides: what is believed, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ssmamba.slides.slide import Slide
from tests.ssmamba.slides.test_tiff_slides import LEVEL_0, kind, ome, resolution
from tests.tiffs import (
    ASCII,
    JPEG,
    YCBCR,
    Page,
    write_tiff,
)


def _svs(path: Path, mpp: str) -> Path:
    text = f"Aperio Image Library v12.0.1 \n500x380 |AppMag = 20|MPP = {mpp}"
    page = Page(LEVEL_0, kind(compression=JPEG, photometric=YCBCR, tags=((270, ASCII, text),)))
    return write_tiff(path, [page])


@pytest.mark.parametrize("mpp", ["499", "0.000499", "25000", "1e-199", "-0.5", "inf"])
def test_a_scanners_impossible_scale_is_not_believed(tmp_path: Path, mpp: str) -> None:
    with Slide.open(_svs(tmp_path / "a.svs", mpp)) as slide:
        assert slide.info.vendor == "aperio"
        assert slide.mpp is None
        assert "which no scanner writes" in slide.info.notes[0]


def test_a_scanners_own_scale_is_believed(tmp_path: Path) -> None:
    with Slide.open(_svs(tmp_path / "a.svs", "0.499")) as slide:
        assert slide.mpp == pytest.approx(0.499)
        assert slide.info.notes == ()


def pages_at(
    across: float, down: float, changes: Sequence[dict[str, object]] = ({},)
) -> list[list[Page]]:
    return [[Page(LEVEL_0, kind(tags=resolution(across, down), **c))] for c in changes]


DOORS = ({}, {"tile": None}, {"orientation": 3}, {"bits": 16})


@pytest.mark.parametrize("mpp", [1000.0, 25.0, 0.01])
def test_a_resolution_that_no_microscope_wrote_is_not_taken(tmp_path: Path, mpp: float) -> None:
    """libvips writes one pixel a millimetre where it knows none."""
    for pages in pages_at(mpp, mpp, DOORS):
        with Slide.open(write_tiff(tmp_path / "a.tif", pages)) as slide:
            assert slide.mpp is None
    path = write_tiff(tmp_path / "b.tif", [Page(LEVEL_0, kind(tags=(ome("1e-199", None),)))])
    with Slide.open(path) as slide:
        assert slide.mpp is None


def test_pixels_that_are_not_square_have_no_scale_and_that_is_said(tmp_path: Path) -> None:
    for pages in pages_at(0.25, 0.5, DOORS):
        with Slide.open(write_tiff(tmp_path / "a.tif", pages)) as slide:
            assert slide.mpp is None
            assert "not square (0.25 µm across, 0.5 µm down)" in slide.info.notes[0]
    page = Page(LEVEL_0, kind(tags=(ome("0.25", None, tall="0.5"),)))
    with Slide.open(write_tiff(tmp_path / "a.tif", [page])) as slide:
        assert slide.mpp is None and "not square" in slide.info.notes[0]


def test_a_difference_that_scanners_have_is_averaged(tmp_path: Path) -> None:
    for pages in pages_at(0.25, 0.2525, DOORS):
        with Slide.open(write_tiff(tmp_path / "a.tif", pages)) as slide:
            assert slide.mpp == pytest.approx(0.25125, rel=1e-3)
            assert slide.info.notes == ()
