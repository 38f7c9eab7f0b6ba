"""A slide whose file changes while it is open: nothing of another file is shown as its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import SlideReplaced
from ssmamba.slides.slide import Slide
from tests.slides import tissue_like, write_pyramid


def write(path: Path, seed: int) -> None:
    if path.suffix == ".png":
        Image.fromarray(tissue_like(200, 150, seed)).save(path)
    else:
        write_pyramid(path, 400, 300, seed=seed)


@pytest.mark.parametrize("name", ["slide.tif", "patch.png"])
def test_pixels_of_a_file_in_its_place_are_refused(tmp_path: Path, name: str) -> None:
    """Moved over it, as copying programs do; same size in bytes and same time, if need be."""
    path, other = tmp_path / name, tmp_path / f"other-{name}"
    write(path, 0)
    write(other, 1)
    with Slide.open(path) as slide:
        slide.read_region(0, 0, 0, 50, 50)
        size, changed, _ = slide.info.file or (0, 0, 0)
        with other.open("ab") as file:
            file.truncate(size)
        os.utime(other, ns=(changed, changed))
        other.replace(path)
        with pytest.raises(SlideReplaced, match=f"{name} was changed or replaced .* open it again"):
            slide.read_region(0, 0, 0, 50, 50)
        with pytest.raises(SlideReplaced):
            slide.read_window(0, 0, 100, 32)


def test_a_file_written_over_is_refused_and_never_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    write(path, 0)
    with Slide.open(path) as slide:
        data = bytearray(path.read_bytes())
        path.write_bytes(data[: len(data) // 3])
        with pytest.raises(SlideReplaced):
            slide.read_region(0, 0, 0, 400, 300)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody rename an open file")
def test_a_file_that_was_moved_away_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    image = write_pyramid(path, 400, 300)
    with Slide.open(path) as slide:
        path.rename(tmp_path / "elsewhere.tif")
        assert np.array_equal(slide.read_region(0, 0, 0, 64, 64), image[:64, :64])
