"""Tiles and windows against OpenSlide's own reads and other packages, and the time of a frame.

    python -m tests.benchmarks.tiles [SLIDE ...]

Prints ratios of wall and of CPU time, minima of runs in a new order each, every one on a slide that
was opened anew; the viewer's tiles with its own switch interval between threads, and with Python's.
Without SLIDE pyramids of 6,000 × 4,500 px (JPEG and Deflate) are written first.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from ssmamba.slides.slide import Slide
from tests.benchmarks import tile_readers
from tests.benchmarks.tile_readers import Open, Read, Rect, Took, grid, measured
from tests.slides import tissue_like, write_pyramid
from tests.tiffs import JPEG, YCBCR, Kind, Page, write_tiff
from viewer.app import SWITCH_S
from viewer.canvas import SlideCanvas, ViewState
from viewer.tiles.pyramid import Pyramid, TileKey
from viewer.tiles.source import TileSource

THREADS = 2
TILES = 120
WINDOW_PX = 224
REPEATS = 5
FRAME = (1920, 1080)
ROTATIONS = (0.0, 90.0, 37.0)


def main() -> None:
    app = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(name) for name in sys.argv[1:]] or _written(Path(folder))
        for path in paths:
            _compare(path)
        _print_frames(paths[0], app)


def _compare(path: Path) -> None:
    with Slide.open(path) as slide:
        pyramid = Pyramid(slide.levels)
        width, height = slide.dimensions
    keys = pyramid.tiles_in(0, pyramid.full_rect, False)[:TILES]  # as a user would see them
    rects = [_rect(pyramid, key) for key in keys]
    ways: dict[str, Callable[[], Took]] = {
        "TileSource": lambda: _switching(SWITCH_S, lambda: _shown(path, keys)),
        "the same, at 5 ms": lambda: _switching(0.005, lambda: _shown(path, keys)),
    }
    ways |= _ways(path, rects, ("by_pil",), _shown_in)
    ways |= _ways(path, rects, ("ours_bgra", "raw"), others={})  # into memory that is not kept
    print(f"{path.name}: first read of level 0 {_decision_ms(path):.1f} ms CPU")
    _print(f"{path.name}: {len(keys)} tiles into the viewer's memory", _minima(ways))
    windows = grid(width, height, WINDOW_PX)
    ways = _ways(path, windows, ("ours", "without_own_tiles", "raw", "by_pil"))
    _print(f"{path.name}: {len(windows)} windows of {WINDOW_PX} px", _minima(ways))


def _rect(pyramid: Pyramid, key: TileKey) -> Rect:
    level = pyramid.levels[0]
    place = key.column * level.tile_width, key.row * level.tile_height
    return (*place, *level.tile_size(key.column, key.row))


def _ways(
    path: Path,
    rects: Sequence[Rect],
    names: Sequence[str],
    finished: Callable[[Open], Open] = lambda way: way,
    others: dict[str, Open] | None = None,
) -> dict[str, Callable[[], Took]]:
    others = tile_readers.others() if others is None else others
    known = {name: getattr(tile_readers, name) for name in names} | others
    return {
        name: partial(measured, finished(way), path, rects, THREADS) for name, way in known.items()
    }


def _shown_in(way: Open) -> Open:
    """RGB as the viewer's RGB32, which is kept, as the viewer keeps its tiles."""

    def opened(path: Path) -> Read:
        read, kept = way(path), []

        def shown(rect: Rect) -> None:
            rgb = np.ascontiguousarray(read(rect))
            image = QImage(rgb.data, *rect[2:], 3 * rect[2], QImage.Format.Format_RGB888)
            kept.append(image.convertToFormat(QImage.Format.Format_RGB32))

        return shown

    return opened


def _minima(ways: dict[str, Callable[[], Took]]) -> dict[str, Took]:
    """In turn, so that all meet the same load of the machine."""
    names = list(ways)
    runs: dict[str, list[Took]] = {name: [] for name in names}
    for _ in range(REPEATS):
        random.shuffle(names)
        for name in names:
            runs[name].append(ways[name]())
    return {
        name: Took(min(t.wall for t in took), min(t.cpu for t in took))
        for name, took in runs.items()
    }


def _print(title: str, took: dict[str, Took]) -> None:
    first, *rest = took
    print(f"{title}, {THREADS} threads, minima of {REPEATS}")
    print(
        f"  {first:18s} {took[first].wall * 1e3:8.1f} ms wall {took[first].cpu * 1e3:8.1f} ms CPU"
    )
    for name in rest:
        wall, cpu = took[name].wall / took[first].wall, took[name].cpu / took[first].cpu
        print(f"  {name:18s} {wall:8.2f} × wall  {cpu:8.2f} × CPU")


def _decision_ms(path: Path) -> float:
    """CPU time of the first read of a level, in which its tiles are compared."""
    took = []
    for _ in range(REPEATS):
        with Slide.open(path) as slide:
            start = time.process_time()
            slide.read_region(0, 0, 0, 1, 1)
            took.append((time.process_time() - start) * 1e3)
    return min(took)


def _switching(seconds: float, run: Callable[[], Took]) -> Took:
    """With another switch interval between threads."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        return run()
    finally:
        sys.setswitchinterval(usual)


def _shown(path: Path, keys: Sequence[TileKey]) -> Took:
    source = TileSource(str(path), threads=THREADS, cache_bytes=2**30)
    source.open()
    while source.info is None:
        time.sleep(0.001)
    source.attach("benchmark")
    assert source._slide is not None
    source._slide.read_region(0, 0, 0, 1, 1)  # decides how level 0 is read: _decision_ms
    left, is_done = set(keys), threading.Event()

    def count(key: TileKey) -> None:
        left.discard(key)
        if not left:
            is_done.set()

    source.tile_ready.connect(count, Qt.ConnectionType.DirectConnection)  # in the workers
    wall, cpu = time.perf_counter(), time.process_time()
    source.want("benchmark", keys)
    is_done.wait()
    took = Took(time.perf_counter() - wall, time.process_time() - cpu)
    source.close()
    source.wait_closed()
    return took


def _written(folder: Path) -> list[Path]:
    small = tissue_like(3000, 2250)
    noise = np.random.default_rng(0).integers(-12, 12, (2250, 3000, 3))
    picture = np.tile(np.clip(small + noise, 0, 255).astype(np.uint8), (2, 2, 1))
    write_pyramid(folder / "deflate.tif", picture=picture, levels=4, tile=256)
    kind = Kind(tile=256, compression=JPEG, photometric=YCBCR, quality=80, subsampling=2)
    pages = [Page(picture[:: 2**i, :: 2**i], replace(kind, reduced=i > 0)) for i in range(4)]
    return [write_tiff(folder / "jpeg.tif", pages), folder / "deflate.tif"]


def _print_frames(path: Path, app: QApplication) -> None:
    canvas = SlideCanvas()
    canvas.resize(*FRAME)
    canvas.show()
    canvas.open_slide(str(path))
    _settle(canvas, app)
    info = canvas.scene.info
    assert info is not None
    target = QImage(*FRAME, QImage.Format.Format_RGB32)
    print(f"frames of {FRAME[0]}×{FRAME[1]} px, tiles in the cache (median, 99th percentile)")
    for rotation in ROTATIONS:
        canvas.set_view_state(ViewState(info.width / 2, info.height / 2, 1.4, rotation))
        _settle(canvas, app)
        pan = _frames(canvas, target, lambda i: canvas.camera.pan_by(7 if i % 20 < 10 else -7, 3))
        repaint = _frames(canvas, target, lambda i: None)
        zoom = _frames(
            canvas,
            target,
            lambda i: canvas.camera.zoom_at(0.02 if i % 2 else -0.02, None, smooth=False),
        )
        for name, times in (("pan", pan), ("repaint", repaint), ("zoom", zoom)):
            middle, high = np.percentile(times, [50, 99])
            print(f"  {rotation:3.0f}° {name:8s} {middle:6.2f} ms {high:6.2f} ms")
    canvas._slides.take(None)


def _frames(canvas: SlideCanvas, target: QImage, change: Callable[[int], None]) -> list[float]:
    times = []
    for i in range(120):
        change(i)
        start = time.perf_counter()
        canvas.render(target)
        times.append((time.perf_counter() - start) * 1000)
    return times


def _settle(canvas: SlideCanvas, app: QApplication) -> None:
    end = time.perf_counter() + 60
    while not canvas.is_settled() and time.perf_counter() < end:
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.002)


if __name__ == "__main__":
    main()
