"""Colours of the view by lookup tables, against what they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from ssmamba.slides.stains import STAINS, stain_matrix
from tests.slides import write_pyramid
from tests.viewer.tiles.test_source import read, start
from viewer.saving.contents import contents_of, settings_of
from viewer.state.settings import STAIN_VIEWS, SlideSettings, ViewColors
from viewer.tiles.color_map import ColorMap
from viewer.tiles.pyramid import TileKey


def mapped(rgb: np.ndarray, colors: ViewColors) -> np.ndarray:
    """(H, W, 3) uint8 through the tables."""
    bgra = np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)]).copy()
    ColorMap(colors).apply_bgra_in_place(bgra)
    assert (bgra[..., 3] == 255).all()
    return bgra[..., 2::-1]


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (40, 30, 3), np.uint8)


def test_tones_are_the_formula(noise: np.ndarray) -> None:
    shown = mapped(noise, ViewColors(brightness=0.1, contrast=0.5, gamma=2.0))
    wanted = ((noise / 255) ** 0.5 - 0.5) * 2.0 + 0.5 + 0.1
    assert np.abs(shown - np.clip(wanted, 0, 1) * 255).max() <= 0.51


def test_the_picked_place_becomes_white_and_the_rest_keeps_its_hue() -> None:
    rgb = np.array([[[240, 230, 210], [120, 115, 105], [250, 250, 250]]], np.uint8)
    shown = mapped(rgb, ViewColors(white=(240, 230, 210)))
    assert shown.tolist() == [[[255, 255, 255], [128, 128, 128], [255, 255, 255]]]


@pytest.mark.parametrize("key", STAIN_VIEWS)
def test_a_stain_is_the_part_of_the_optical_density_along_it(key: str, noise: np.ndarray) -> None:
    first, second, number = STAIN_VIEWS[key]
    density = -np.log(noise.reshape(-1, 3) / 255)
    amount = np.clip((density @ np.linalg.inv(stain_matrix(first, second)))[:, number], 0, 3.0)
    own = np.ones(3) if number == 2 else stain_matrix(first, second)[number]
    wanted = 255 * np.exp(-amount[:, None] * own)
    shown = mapped(noise, ViewColors(stain=key)).reshape(-1, 3)
    assert np.abs(shown - wanted).max() <= 2.0


def test_a_pure_stain_is_seen_in_its_own_view_and_in_no_other() -> None:
    eosin = np.asarray(STAINS["eosin"]) / np.linalg.norm(STAINS["eosin"])
    rgb = np.rint(255 * np.exp(-0.6 * eosin)).astype(np.uint8)[None, None]
    others = [mapped(rgb, ViewColors(stain=f"haematoxylin-eosin-{n}")) for n in (0, 2)]
    own = mapped(rgb, ViewColors(stain="haematoxylin-eosin-1"))
    assert np.abs(own.astype(int) - rgb).max() <= 2
    assert min(other.min() for other in others) >= 252


def test_one_map_serves_tiles_of_any_size() -> None:
    colors = ColorMap(ViewColors(stain="haematoxylin-dab-1"))
    for shape in ((1, 1), (3, 512), (512, 7)):
        colors.apply_bgra_in_place(np.zeros((*shape, 4), np.uint8))


def test_colours_are_kept_and_what_cannot_be_is_left_out() -> None:
    kept = SlideSettings(colors=ViewColors(0.2, -0.1, 1.5, (240, 241, 242), "haematoxylin-dab-1"))
    assert settings_of(contents_of((), kept)) == kept
    odd = {"setting/colors": {"brightness": 7, "gamma": 0.0, "white": [0, 1, 2], "stain": "blue"}}
    assert settings_of(odd).colors == ViewColors(brightness=1.0, gamma=0.25)


def test_workers_recolour_tiles_and_the_files_own_stay(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "slide.tif"
    image = write_pyramid(path, 700, 600, levels=1)
    source = start(path, qtbot)
    told: list[int] = []
    source.colors_changed.connect(lambda: told.append(source.look))
    own = TileKey(0, 0, 0, False)
    (plain,) = read(source, qtbot, own)
    source.set_colors(ViewColors(brightness=0.2))
    source.set_colors(ViewColors(brightness=0.2))
    assert len(told) == 1 and told[0] != 0, "the same colours again are no change"
    first = own._replace(look=told[0])
    assert source.in_other_colors(first) is source.tile(own), "stands in meanwhile"
    (shown,) = read(source, qtbot, first)
    assert np.array_equal(shown, mapped(plain, ViewColors(brightness=0.2)))
    assert np.array_equal(read(source, qtbot, own)[0], image[:512, :512])
    for step in range(4):
        source.set_colors(ViewColors(contrast=0.1 * step + 0.1))
    assert source.tile(first) is None, "tiles of colours long past are dropped"
    source.set_colors(ViewColors())
    assert source.look == 0
    source.close()
    assert source.wait_closed()


def test_a_half_level_is_recoloured_from_its_own_pixels(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "slide.tif"
    write_pyramid(path, 1501, 1001, levels=1)
    source = start(path, qtbot)
    own = TileKey(1, 0, 0, False)
    (plain,) = read(source, qtbot, own)
    colors = ViewColors(stain="haematoxylin-eosin-0")
    source.set_colors(colors)
    (shown,) = read(source, qtbot, own._replace(look=source.look))
    assert np.array_equal(shown, mapped(plain, colors))
    source.close()
    assert source.wait_closed()
