"""The file's own tiles, decoded directly: OpenSlide's pixels in every way, or OpenSlide's work."""

from __future__ import annotations

import logging
import os
import struct
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import openslide
import pytest

from ssmamba.errors import SlideError
from ssmamba.slides.openslide_source import OpenSlideSource
from ssmamba.slides.slide import Slide
from ssmamba.slides.tiles import codec, own
from ssmamba.slides.tiles.grid import TileGrid
from ssmamba.slides.tiles.table import TileTable
from tests.patience import PATIENCE_S
from tests.slides import SHARED_SLIDES, tissue_like
from tests.tiffs import DEFLATE, JPEG, NONE, YCBCR, Kind, Page, write_tiff

WIDTH, HEIGHT, TILE = 371, 233, 64  # no side is a multiple of the tile's
PICTURE = tissue_like(WIDTH, HEIGHT)
SLIDES = sorted(p.name for p in SHARED_SLIDES.glob("*.*") if p.suffix in (".svs", ".tif", ".ndpi"))
needs_simplejpeg = pytest.mark.skipif(codec.simplejpeg is None, reason="simplejpeg is missing")
KINDS = {
    "jpeg": Kind(tile=TILE, compression=JPEG, photometric=YCBCR),
    "jpeg-rgb": Kind(tile=TILE, compression=JPEG),
    "jpeg-shared-tables": Kind(tile=TILE, compression=JPEG, shared_tables=True),
    "deflate": Kind(tile=TILE, compression=DEFLATE),
    "deflate-old-number": Kind(tile=TILE, compression=32946),
    "deflate-differences": Kind(tile=TILE, compression=DEFLATE, predictor=2),
    "plain": Kind(tile=TILE, compression=NONE),
}


def write(path: Path, kind: Kind, *, big: bool = False) -> Path:
    """A pyramid of two levels: the smaller one's sides are no exact half."""
    small = PICTURE[: HEIGHT // 2 * 2 : 2, : WIDTH // 2 * 2 : 2]
    pages = [Page(PICTURE, kind), Page(small, replace(kind, reduced=True))]
    return write_tiff(path, pages, big=big)


def by_openslide(path: Path, x: int, y: int, level: int, width: int, height: int) -> np.ndarray:
    """HWC uint8 RGB on white."""
    with openslide.OpenSlide(path) as handle:
        rgba = np.asarray(handle.read_region((x, y), level, (width, height)))
    rgb = rgba[..., :3].copy()
    rgb[rgba[..., 3] == 0] = 255
    return rgb


def tiles_of(slide: Slide, level: int = 0) -> TileGrid | None:
    """The tiles that serve a level; None where OpenSlide does."""
    source = slide._source
    assert isinstance(source, OpenSlideSource)
    assert source._own_tiles is not None
    return source._own_tiles.grid(level)


@pytest.fixture(params=KINDS)
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if KINDS[request.param].compression == JPEG and codec.simplejpeg is None:
        pytest.skip("simplejpeg is missing")
    return write(tmp_path / f"{request.param}.tif", KINDS[request.param])


def test_all_pixels_are_openslides(path: Path) -> None:
    with Slide.open(path) as slide:
        for index, level in enumerate(slide.levels):
            assert tiles_of(slide, index) is not None
            expected = by_openslide(path, 0, 0, index, level.width, level.height)
            rgb = slide.read_region(0, 0, index, level.width, level.height)
            np.testing.assert_array_equal(rgb, expected)
            bgra = np.empty((level.height, level.width, 4), np.uint8)
            slide.read_level_into(bgra, 0, 0, index)
            np.testing.assert_array_equal(bgra[..., 2::-1], expected)
            assert (bgra[..., 3] == 255).all()


def test_a_region_is_openslides_at_any_place(path: Path) -> None:
    rng = np.random.default_rng(0)
    with Slide.open(path) as slide:
        for _ in range(8):
            x, y = (int(rng.integers(-90, side + 40)) for side in (WIDTH, HEIGHT))
            width, height = (int(v) for v in rng.integers(1, 150, 2))
            bgra = np.empty((height, width, 4), np.uint8)
            slide.read_bgra_into(bgra, x, y, 0)
            expected = by_openslide(path, x, y, 0, width, height)
            np.testing.assert_array_equal(bgra[..., 2::-1], expected)
            np.testing.assert_array_equal(slide.read_region(x, y, 0, width, height), expected)


def test_between_two_pixels_a_level_is_openslides_which_interpolates(path: Path) -> None:
    with Slide.open(path) as slide:
        source = slide._source
        assert isinstance(source, OpenSlideSource)
        averaged = source._averaged[1]
        source.levels = (slide.levels[0], replace(slide.levels[1], downsample=averaged))
        for place in (0, 101):
            bgra, expected = (np.empty((40, 40, 4), np.uint8) for _ in range(2))
            slide.read_bgra_into(bgra, place, place, 1)
            source.read_by_openslide(expected, place, place, 1)
            np.testing.assert_array_equal(bgra, expected)


def test_a_levels_own_pixels_are_read_wherever_they_are(path: Path) -> None:
    with Slide.open(path) as slide:
        level = slide.levels[1]
        with openslide.OpenSlide(path) as handle:
            assert handle.level_downsamples[1] != level.downsample == 2
        whole = slide.read_region(0, 0, 1, level.width, level.height)
        padded = np.pad(whole, ((50, 50), (50, 50), (0, 0)), constant_values=255)
        for left, top in ((0, 0), (64, 64), (101, 37), (-20, -9), (level.width - 30, 70)):
            part = np.empty((48, 50, 3), np.uint8)
            slide.read_level_into(part, left, top, 1)
            expected = padded[top + 50 :, left + 50 :][:48, :50]
            np.testing.assert_array_equal(part, expected)
            np.testing.assert_array_equal(slide.read_region(2 * left, 2 * top, 1, 50, 48), expected)


def test_a_bigtiff_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "big.tif", KINDS["deflate"], big=True)
    with Slide.open(path) as slide:
        assert tiles_of(slide) is not None
        np.testing.assert_array_equal(slide.read_region(0, 0, 0, WIDTH, HEIGHT), PICTURE)


def test_tiles_that_were_never_written_are_openslides(tmp_path: Path) -> None:
    path = write(tmp_path / "sparse.tif", KINDS["deflate"])
    row, column, _ = lightest(path)
    change_length(path, row * 6 + column, 0)
    with Slide.open(path) as slide:
        grid = tiles_of(slide)
        assert grid is not None
        assert not grid.has_all(column * TILE, row * TILE, 10, 10)
        shown = slide.read_region(0, 0, 0, WIDTH, HEIGHT)
    expected = PICTURE.copy()
    expected[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = 255
    np.testing.assert_array_equal(shown, expected)


def test_a_tile_that_only_openslide_decodes_is_openslides_and_said_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    *_, offset = lightest(path)
    odd = path.read_bytes()[offset : offset + 12]

    def decode(table: TileTable, piece: memoryview, out: np.ndarray) -> None:
        if bytes(piece[:12]) == odd and offset == path.read_bytes().find(piece):
            raise codec.TileFault("of another kind")
        codec.decode_into(table, piece, out)

    monkeypatch.setattr("ssmamba.slides.tiles.grid.decode_into", decode)
    with caplog.at_level(logging.WARNING), Slide.open(path) as slide:
        assert tiles_of(slide) is not None
        for _ in range(2):
            shown = slide.read_region(0, 0, 0, WIDTH, HEIGHT)
            np.testing.assert_array_equal(shown, by_openslide(path, 0, 0, 0, WIDTH, HEIGHT))
    assert len(caplog.messages) == 1
    assert "could not be decoded (of another kind)" in caplog.messages[0]


@needs_simplejpeg
def test_a_damaged_tile_is_refused_as_openslide_does_and_the_others_are_shown(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "bad.tif", KINDS["jpeg"])
    row, column, offset = lightest(path)
    data = bytearray(path.read_bytes())
    end = data.index(b"\xff\xd9", offset)
    data[end - 200 : end] = bytes(200)  # libjpeg makes up what is missing, and warns
    path.write_bytes(data)
    with Slide.open(path) as slide:
        assert tiles_of(slide) is not None
        with pytest.raises(SlideError, match=r"part of bad\.tif cannot be read .*copy it again"):
            slide.read_region(column * TILE, row * TILE, 0, 30, 30)
        np.testing.assert_array_equal(
            slide.read_region(0, 0, 0, TILE, TILE), by_openslide(path, 0, 0, 0, TILE, TILE)
        )


def lightest(path: Path) -> tuple[int, int, int]:
    """Row, column and offset of the tile of the fewest bytes, which no comparison asks for."""
    with Slide.open(path) as slide:
        grid = tiles_of(slide)
        assert grid is not None
        counts = grid.table.counts.copy()
        counts[:2, :2] = counts.max() + 1
        row, column = divmod(int(counts.argmin()), counts.shape[1])
        return row, column, int(grid.table.offsets[row, column])


def change_length(path: Path, index: int, length: int) -> None:
    """Write another number of bytes for a tile of level 0 (6 × 4 tiles)."""
    data = bytearray(path.read_bytes())
    (table,) = struct.unpack_from("<I", data, data.index(struct.pack("<HHI", 325, 4, 24)) + 8)
    struct.pack_into("<I", data, table + 4 * index, length)
    path.write_bytes(data)


def test_a_level_that_differs_by_one_value_is_left_to_openslide(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(table: TileTable, piece: memoryview, out: np.ndarray) -> None:
        codec.decode_into(table, piece, out)
        out[TILE // 2, TILE // 2, 0] ^= 1

    monkeypatch.setattr("ssmamba.slides.tiles.grid.decode_into", decode)
    with Slide.open(path) as slide:
        assert [tiles_of(slide, level) for level in (0, 1)] == [None, None]
        shown = slide.read_region(0, 0, 0, WIDTH, HEIGHT)
    np.testing.assert_array_equal(shown, by_openslide(path, 0, 0, 0, WIDTH, HEIGHT))


def test_the_libraries_are_missed_only_in_speed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "simplejpeg", None)
    monkeypatch.setattr(codec, "deflate", None)
    with Slide.open(path) as slide:
        assert (tiles_of(slide) is None) == path.stem.startswith("jpeg")
        shown = slide.read_region(0, 0, 0, WIDTH, HEIGHT)
    np.testing.assert_array_equal(shown, by_openslide(path, 0, 0, 0, WIDTH, HEIGHT))


def test_threads_read_at_once_and_memory_is_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 6 * TILE * TILE * 4
    monkeypatch.setattr(own, "CACHE_BYTES", limit)
    whole = by_openslide(path, 0, 0, 0, WIDTH, HEIGHT)
    wrong: list[tuple[int, int]] = []
    with Slide.open(path) as slide:

        def read(seed: int) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(8):
                x, y = int(rng.integers(0, WIDTH - 70)), int(rng.integers(0, HEIGHT - 70))
                bgra = np.empty((70, 70, 4), np.uint8)
                slide.read_level_into(bgra, x, y, 0)
                same = np.array_equal(bgra[..., 2::-1], whole[y : y + 70, x : x + 70])
                rgb = slide.read_window(x, y, 70, 70)
                if not same or not np.array_equal(rgb, whole[y : y + 70, x : x + 70]):
                    wrong.append((x, y))

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        source = slide._source
        assert isinstance(source, OpenSlideSource)
        assert source._own_tiles is not None
        assert source._own_tiles._cache.bytes <= limit
    assert wrong == []
    with pytest.raises(SlideError, match="has been closed"):
        slide.read_region(0, 0, 0, 10, 10)


def test_a_tile_in_another_threads_hands_does_not_hold_up_the_rest(path: Path) -> None:
    with Slide.open(path) as slide:
        tiles = tiles_of(slide)
        assert tiles is not None
        tiles._cache.clear()
        keys = [(0, row, column, 3) for row in range(2) for column in range(2)]
        first = tiles._turns[hash(keys[0]) % len(tiles._turns)]
        rest = [key for key in keys if tiles._turns[hash(key) % len(tiles._turns)] is not first]
        out = np.empty((90, 90, 3), np.uint8)
        with first:
            reader = threading.Thread(target=tiles.read_into, args=(out, 20, 20))
            reader.start()
            end = time.monotonic() + PATIENCE_S
            while not all(key in tiles._cache for key in rest) and time.monotonic() < end:
                time.sleep(0.001)
            assert all(key in tiles._cache for key in rest)
            assert reader.is_alive() and keys[0] not in tiles._cache
        reader.join()
    np.testing.assert_array_equal(out, by_openslide(path, 20, 20, 0, 90, 90))


@needs_simplejpeg
@pytest.mark.parametrize(("small", "times"), [(2**25, 1), (0, 2)])
def test_a_small_level_is_decoded_once_for_all_pictures_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int, times: int
) -> None:
    monkeypatch.setattr("ssmamba.slides.tiles.grid.SMALL_LEVEL_BYTES", small)
    decoded: list[int] = []

    def decode(table: TileTable, piece: codec.Buffer, out: np.ndarray) -> None:
        decoded.append(len(piece))
        codec.decode_into(table, piece, out)

    with Slide.open(write(tmp_path / "slide.tif", KINDS["jpeg"])) as slide:
        grid = tiles_of(slide)
        assert grid is not None
        monkeypatch.setattr("ssmamba.slides.tiles.grid.decode_into", decode)
        pictures = [slide.read_region(0, 0, 0, 2 * TILE, 2 * TILE) for _ in range(2)]
    assert len(decoded) == times * 4
    np.testing.assert_array_equal(*pictures)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody rename an open file")
def test_a_slide_that_was_moved_away_is_read_to_its_end(path: Path) -> None:
    """OpenSlide opens a file by its name for each read; its own tiles stay open."""
    whole = by_openslide(path, 0, 0, 0, WIDTH, HEIGHT)
    with Slide.open(path) as slide:
        slide.read_region(0, 0, 0, 8, 8)
        path.rename(path.with_name("elsewhere.tif"))
        np.testing.assert_array_equal(slide.read_region(0, 0, 0, WIDTH, HEIGHT), whole)


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED_SLIDES.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize("name", SLIDES)
def test_whole_real_slides_are_openslides(name: str) -> None:
    path = SHARED_SLIDES / name
    with Slide.open(path) as slide:
        for index, level in enumerate(slide.levels):
            rows = max(1, 16_000_000 // level.width)
            for top in range(0, level.height, rows) if index == 0 else (0,):
                height = min(rows, level.height - top) if index == 0 else level.height
                shown = np.empty((height, level.width, 3), np.uint8)
                slide.read_level_into(shown, 0, top, index)
                expected = by_openslide(path, 0, top, index, level.width, height)
                np.testing.assert_array_equal(shown, expected)
