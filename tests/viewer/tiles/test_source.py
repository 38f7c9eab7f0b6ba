"""Tiles come from worker threads, are right to the pixel, and failures are told once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from tests.slides import swapped_profile, tissue_like, write_pyramid
from tests.tiffs import Kind, Page, write_tiff
from viewer.tiles.pyramid import TileKey
from viewer.tiles.reader import pixels
from viewer.tiles.source import TileSource


def start(path: Path, qtbot: QtBot, **options: int) -> TileSource:
    """Open a slide and attach one client."""
    source = TileSource(str(path), **options)
    source.open()
    qtbot.waitUntil(lambda: source.info is not None)
    source.attach("test")
    return source


@pytest.fixture
def slide(tmp_path: Path) -> tuple[Path, np.ndarray]:
    path = tmp_path / "slide.tif"
    return path, write_pyramid(path, 1501, 1001, levels=1)


@pytest.fixture
def opened(slide: tuple[Path, np.ndarray], qtbot: QtBot) -> Iterator[TileSource]:
    source = start(slide[0], qtbot)
    yield source
    source.close()
    assert source.wait_closed()


def read(source: TileSource, qtbot: QtBot, *keys: TileKey) -> list[np.ndarray]:
    source.want("test", keys)
    qtbot.waitUntil(lambda: all(source.tile(k) is not None for k in keys))
    return [pixels(source.tile(k))[..., 2::-1] for k in keys]  # type: ignore[arg-type]


def test_tiles_of_a_file_level_are_its_pixels(
    slide: tuple[Path, np.ndarray], opened: TileSource, qtbot: QtBot
) -> None:
    image = slide[1]
    first, last = read(opened, qtbot, TileKey(0, 0, 0, False), TileKey(0, 2, 1, False))
    assert np.array_equal(first, image[:512, :512])
    assert np.array_equal(last, image[512:1001, 1024:1501])  # smaller at the far corner


def test_half_levels_are_area_averages_up_to_the_odd_edge(
    slide: tuple[Path, np.ndarray], opened: TileSource, qtbot: QtBot
) -> None:
    image = slide[1]
    padded = np.pad(image, ((0, 1), (0, 1), (0, 0)), mode="edge")  # 1002 × 1502
    half = cv2.resize(padded, (751, 501), interpolation=cv2.INTER_AREA)
    left, right = read(opened, qtbot, TileKey(1, 0, 0, False), TileKey(1, 1, 0, False))
    assert left.shape[:2] == (501, 512)
    assert np.abs(np.hstack([left, right]).astype(int) - half).max() <= 2


def test_the_coarsest_tile_shows_the_whole_slide_and_stays(
    slide: tuple[Path, np.ndarray], opened: TileSource, qtbot: QtBot
) -> None:
    assert opened.pyramid is not None
    top = TileKey(opened.pyramid.coarsest, 0, 0, False)
    (overview,) = read(opened, qtbot, top)
    padded = np.pad(slide[1], ((0, 3), (0, 3), (0, 0)), mode="edge")  # 1004 × 1504
    expected = cv2.resize(padded, (376, 251), interpolation=cv2.INTER_AREA)
    assert np.abs(overview.astype(int) - expected).max() <= 4
    opened.cache.put(TileKey(0, 99, 99, False), opened.cache.get(top), 10**12)  # type: ignore[arg-type]
    assert top in opened.cache


def test_reading_never_happens_on_the_callers_thread(
    slide: tuple[Path, np.ndarray], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    from ssmamba.slides.slide import Slide

    original = Slide.read_level_into

    def spy(self: Slide, *args: object) -> None:
        names.append(threading.current_thread().name)
        original(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Slide, "read_level_into", spy)
    source = start(slide[0], qtbot)
    read(source, qtbot, TileKey(0, 0, 0, False))
    source.detach("test")
    assert source.wait_closed()
    assert set(names) == {"tiles"}


def test_stale_wishes_are_never_read(
    slide: tuple[Path, np.ndarray], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TileSource, "read_delay_s", 0.1)
    source = start(slide[0], qtbot, threads=1)
    stale = [TileKey(0, c, r, False) for c in range(3) for r in range(2)]
    source.want("test", stale)
    time.sleep(0.05)  # the first one is under way
    wanted = TileKey(1, 1, 0, False)
    source.want("test", [wanted])
    qtbot.waitUntil(lambda: source.tile(wanted) is not None)
    needed = set(source.pyramid.children(wanted)) if source.pyramid else set()
    read_anyway = [k for k in stale if source.tile(k) is not None and k not in needed]
    source.close()
    assert source.wait_closed()
    assert len(read_anyway) <= 1


def test_a_half_level_that_nobody_waits_for_is_given_up(
    slide: tuple[Path, np.ndarray], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TileSource, "read_delay_s", 0.15)
    source = start(slide[0], qtbot, threads=1)
    assert source.pyramid is not None
    source.want("test", [TileKey(source.pyramid.coarsest, 0, 0, False)])  # six reads
    time.sleep(0.2)
    source.want("test", [])
    time.sleep(0.4)
    done = len(source.cache)
    time.sleep(0.4)
    assert len(source.cache) == done <= 3
    source.close()
    assert source.wait_closed()


@pytest.mark.parametrize("name", ["missing.svs", "notes.svs"])
def test_a_file_that_cannot_be_opened_is_told(name: str, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "notes.svs").write_text("no slide")
    source = TileSource(str(tmp_path / name))
    with qtbot.waitSignal(source.failed) as failure:
        source.open()
    message, details = failure.args
    assert message.count("\n") == 0
    assert "SlideError" in details
    assert source.wait_closed()


def test_a_damaged_part_is_told_once_and_the_rest_is_read(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "slide.tif"
    image = write_pyramid(path, 1500, 1000, levels=1)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60_000] = b"\xff" * 60_000
    path.write_bytes(data)
    source = TileSource(str(path))
    told: list[str] = []
    source.read_failed.connect(lambda message, _details: told.append(message))
    source.open()
    qtbot.waitUntil(lambda: source.info is not None)
    source.attach("test")
    keys = [TileKey(0, c, r, False) for c in range(3) for r in range(2)]
    source.want("test", keys)
    qtbot.waitUntil(lambda: all(source.tile(k) or source.is_bad(k) for k in keys))
    bad = [k for k in keys if source.is_bad(k)]
    qtbot.waitUntil(lambda: len(told) == 1)
    assert 0 < len(bad) < 6
    assert source.tile(keys[0]) is not None
    assert np.array_equal(pixels(source.tile(keys[0]))[..., 2::-1], image[:512, :512])  # type: ignore[arg-type]
    source.want("test", [])
    source.want("test", keys)  # a bad tile is not tried again
    qtbot.wait(100)
    assert len(told) == 1
    source.close()
    assert source.wait_closed()


def test_no_tile_comes_from_a_file_in_the_slides_place(
    slide: tuple[Path, np.ndarray], opened: TileSource, qtbot: QtBot
) -> None:
    told: list[str] = []
    opened.read_failed.connect(lambda message, _details: told.append(message))
    first, later = TileKey(0, 0, 0, False), [TileKey(0, 1, r, False) for r in range(2)]
    read(opened, qtbot, first)
    write_pyramid(slide[0], 1501, 1001, levels=1, seed=1)
    opened.want("test", later)
    qtbot.waitUntil(lambda: all(opened.is_bad(key) for key in later) and bool(told))
    assert len(told) == 1 and "was changed or replaced on the disk" in told[0]
    assert opened.tile(first) is not None and opened.tile(later[0]) is None


def test_the_last_client_closes_the_slide(opened: TileSource, qtbot: QtBot) -> None:
    read(opened, qtbot, TileKey(0, 0, 0, False))
    opened.attach("second")
    opened.detach("test")
    assert opened.tile(TileKey(0, 0, 0, False)) is not None
    opened.detach("second")
    assert opened.wait_closed()
    qtbot.waitUntil(lambda: len(opened.cache) == 0)  # memory is given back


def test_a_slide_can_be_waited_for_before_its_worker_runs(
    slide: tuple[Path, np.ndarray], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = TileSource(str(slide[0]))
    start_thread = threading.Thread.start

    def slow(thread: threading.Thread) -> None:
        if threading.current_thread() is threading.main_thread():
            assert source.wait_closed(0)  # nothing runs yet
        start_thread(thread)

    monkeypatch.setattr(threading.Thread, "start", slow)
    source.open()
    qtbot.waitUntil(lambda: source.info is not None)
    source.close()
    assert source.wait_closed()


def test_icc_changes_colours_and_both_states_are_kept(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "flat.png"
    picture = tissue_like(64, 64)
    Image.fromarray(picture).save(path, icc_profile=swapped_profile())
    source = start(path, qtbot)
    plain, corrected = read(source, qtbot, TileKey(0, 0, 0, False), TileKey(0, 0, 0, True))
    assert np.array_equal(plain, picture)
    assert np.abs(corrected.astype(int) - picture[..., ::-1]).max() <= 2
    source.close()
    assert source.wait_closed()


def test_an_unusable_profile_is_noted_and_left_out(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "flat.png"
    picture = tissue_like(64, 64)
    Image.fromarray(picture).save(path, icc_profile=b"broken profile")
    source = start(path, qtbot)
    (note,) = source.info.notes
    assert "colour profile" in note
    (shown,) = read(source, qtbot, TileKey(0, 0, 0, True))
    assert np.array_equal(shown, picture)
    source.close()
    assert source.wait_closed()


def test_what_is_not_shown_as_it_is_stored_is_noted(tmp_path: Path, qtbot: QtBot) -> None:
    samples = np.dstack([tissue_like(64, 64)] * 2)
    path = write_tiff(tmp_path / "six.tif", [Page(samples, Kind(tile=32, extra=(0, 0, 0)))])
    source = start(path, qtbot)
    (shown,) = read(source, qtbot, TileKey(0, 0, 0, False))
    assert np.array_equal(shown, samples[..., :3])
    source.close()
    assert source.wait_closed()
    assert source.info.notes == ("It has 3 channels beside its colours that are not shown.",)
