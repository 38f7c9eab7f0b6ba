"""Small pictures of slides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import SlideError
from tests.slides import write_pyramid
from viewer.tiles import thumbnail as module
from viewer.tiles.reader import pixels
from viewer.tiles.thumbnail import thumbnail


def test_it_is_the_whole_slide(tmp_path: Path) -> None:
    picture = np.full((700, 1000, 3), 255, np.uint8)
    picture[:, :500] = (200, 40, 90)
    write_pyramid(tmp_path / "slide.tif", picture=picture)
    image = thumbnail(str(tmp_path / "slide.tif"), 100)
    assert (image.width(), image.height()) == (100, 70)
    left, right = pixels(image)[35, 20], pixels(image)[35, 80]
    assert tuple(left[2::-1]) == (200, 40, 90) and tuple(right[2::-1]) == (255, 255, 255)


def test_a_slide_without_a_small_level_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pyramid(tmp_path / "slide.tif", 640, 480, levels=1)
    monkeypatch.setattr(module, "MOST_PIXELS", 1000)
    assert thumbnail(str(tmp_path / "slide.tif"), 100).isNull()


def test_a_lost_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SlideError):
        thumbnail(str(tmp_path / "gone.tif"), 100)
