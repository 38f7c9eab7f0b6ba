"""Tile throughput against raw OpenSlide reads, and the time of a frame; prints ratios.

    python -m tests.benchmarks.tiles [SLIDE]

Without SLIDE a pyramid of 6,000 × 4,500 px (deflate) is written first.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import openslide
from PySide6.QtCore import QEventLoop
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from tests.slides import tissue_like, write_pyramid
from viewer.canvas import SlideCanvas, ViewState
from viewer.tiles.pyramid import Pyramid, TileKey
from viewer.tiles.source import TileSource

THREADS = 2
TILES = 120
REPEATS = 5
FRAME = (1920, 1080)


def main() -> None:
    app = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else _written(Path(folder))
        keys, pyramid = _keys(path)
        best_raw = best_ours = best_pil = float("inf")
        for _ in range(REPEATS):  # in turn, so that all meet the same load of the machine
            best_raw = min(best_raw, _raw_seconds(path, keys, pyramid))
            best_ours = min(best_ours, _our_seconds(path, keys))
            best_pil = min(best_pil, _pil_seconds(path, keys, pyramid))
        print(f"{len(keys)} tiles of {path.name}, {THREADS} threads, best of {REPEATS}")
        print(f"  raw OpenSlide reads   {len(keys) / best_raw:7.1f} tiles/s")
        print(f"  TileSource            {len(keys) / best_ours:7.1f} tiles/s")
        print(f"  by PIL into a QImage  {len(keys) / best_pil:7.1f} tiles/s")
        print(f"  TileSource / raw      {best_raw / best_ours:7.2f}")
        print(f"  TileSource / PIL      {best_pil / best_ours:7.2f}")
        _print_frames(path, app)


def _written(folder: Path) -> Path:
    path = folder / "slide.tif"
    small = tissue_like(3000, 2250)
    noise = np.random.default_rng(0).integers(-12, 12, (2250, 3000, 3))
    textured = np.clip(small + noise, 0, 255).astype(np.uint8)
    write_pyramid(path, picture=np.tile(textured, (2, 2, 1)), levels=4, tile=256)
    return path


def _keys(path: Path) -> tuple[list[TileKey], Pyramid]:
    """Tiles of the finest level in the order in which a user would see them."""
    source = TileSource(str(path))
    source.open()
    while source.info is None:
        time.sleep(0.005)
    pyramid = source.pyramid
    source.close()
    source.wait_closed()
    assert pyramid is not None
    return pyramid.tiles_in(0, pyramid.full_rect, False)[:TILES], pyramid


def _raw_seconds(path: Path, keys: Sequence[TileKey], pyramid: Pyramid) -> float:
    """The same regions by OpenSlide's C function into one buffer: nothing else is done."""
    slide = openslide.OpenSlide(path)
    read = openslide.lowlevel._read_region

    def one(key: TileKey) -> None:
        width, height = pyramid.levels[0].tile_size(key.column, key.row)
        x, y = (round(v) for v in pyramid.rect_of(key)[:2])
        buffer = np.empty((height, width), np.uint32)
        pointer = buffer.ctypes.data_as(openslide.lowlevel.POINTER(openslide.lowlevel.c_uint32))
        read(slide._osr, pointer, x, y, 0, width, height)

    return _in_threads(keys, one)


def _pil_seconds(path: Path, keys: Sequence[TileKey], pyramid: Pyramid) -> float:
    """The usual way: PIL image, RGB, QImage."""
    slide = openslide.OpenSlide(path)

    def one(key: TileKey) -> None:
        size = pyramid.levels[0].tile_size(key.column, key.row)
        x, y = (round(v) for v in pyramid.rect_of(key)[:2])
        image = slide.read_region((x, y), 0, size).convert("RGB")
        data = image.tobytes()
        QImage(data, *size, 3 * size[0], QImage.Format.Format_RGB888).convertToFormat(
            QImage.Format.Format_RGB32
        )

    return _in_threads(keys, one)


def _in_threads(keys: Sequence[TileKey], one: Callable[[TileKey], None]) -> float:
    left = list(reversed(keys))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not left:
                    return
                key = left.pop()
            one(key)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def _our_seconds(path: Path, keys: Sequence[TileKey]) -> float:
    source = TileSource(str(path), threads=THREADS, cache_bytes=2**30)
    source.open()
    while source.info is None:
        time.sleep(0.001)
    source.attach("benchmark")
    start = time.perf_counter()
    source.want("benchmark", keys)
    while any(key not in source.cache for key in keys):
        time.sleep(0.002)
    seconds = time.perf_counter() - start
    source.close()
    source.wait_closed()
    return seconds


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
    state = ViewState(info.width / 2, info.height / 2, 1.4)
    canvas.set_view_state(state)
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
        print(f"  {name:8s} {middle:6.2f} ms {high:6.2f} ms")
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
