"""Areas of a level from the tiles in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRect
from pytestqt.qtbot import QtBot

from tests.slides import write_pyramid
from viewer.tiles.picture import picture, tiles_under
from viewer.tiles.reader import pixels
from viewer.tiles.source import TileSource


@pytest.fixture
def source(qtbot: QtBot, tmp_path: Path) -> Iterator[TileSource]:
    write_pyramid(tmp_path / "slide.tif", 1500, 1200, seed=3)
    found = TileSource(str(tmp_path / "slide.tif"))
    found.attach("test")
    with qtbot.waitSignal(found.opened):
        found.open()
    yield found
    found.close()
    assert found.wait_closed()


def test_an_area_touches_the_tiles_that_it_has_pixels_of(source: TileSource) -> None:
    assert source.pyramid is not None
    level = source.pyramid.levels[0]
    side, last = level.tile_width, level.tile_width - 1
    for area, columns in (
        (QRect(0, 0, side, 1), {0}),
        (QRect(0, 0, side + 1, 1), {0, 1}),
        (QRect(last, 0, 1, 1), {0}),
        (QRect(side, 0, 1, 1), {1}),
    ):
        assert {key.column for key in tiles_under(source, 0, area, False)} == columns


def test_a_picture_comes_when_its_last_tile_has_come(qtbot: QtBot, source: TileSource) -> None:
    area = QRect(300, 200, 700, 650)
    keys = tiles_under(source, 0, area, False)
    assert len(keys) == 4 and picture(source, 0, area, False) is None
    source.want("test", keys[:3])
    qtbot.waitUntil(lambda: all(key in source.cache for key in keys[:3]))
    assert picture(source, 0, area, False) is None
    source.want("test", keys[3:])
    qtbot.waitUntil(lambda: keys[3] in source.cache)
    image = picture(source, 0, area, False)
    assert image is not None
    whole = np.zeros((1200, 1500, 3), np.uint8)
    for key in keys:
        left, top, right, bottom = (int(v) for v in source.pyramid.rect_of(key))
        whole[top:bottom, left:right] = pixels(source.tile(key))[..., 2::-1]
    assert np.array_equal(pixels(image)[..., 2::-1], whole[200:850, 300:1000])


def test_a_tile_that_cannot_be_read_is_white(
    qtbot: QtBot, source: TileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = QRect(500, 0, 20, 10)  # the tiles meet at x = 512
    good, bad = sorted(tiles_under(source, 0, area, False))
    source.want("test", [good])
    qtbot.waitUntil(lambda: good in source.cache)
    monkeypatch.setattr(source, "is_bad", lambda key: key == bad)
    image = picture(source, 0, area, False)
    assert image is not None
    rgb = pixels(image)[..., :3]
    assert (rgb[:, 12:] == 255).all() and (rgb[:, :12] < 255).any()
