"""A slide with very many regions: import, panning, and memory while one pans.

    python -m tests.benchmarks.many_regions [--regions 100000] [--vertices 40] [--seconds 8]
        [--memory-minutes 0]

Imports a GeoJSON of that many polygons into the window, takes the import back and makes it again,
and tells the longest gaps between ticks of the window's event loop (10 ms each). Then pans at
1920 x 1080 with all regions in view and with 5,000, frames from the input to the end of the paint,
first while all are being saved and then with nothing else to do. With
--memory-minutes it pans and zooms that long and tells the resident memory of the viewer's process
each minute. Needs a screen, or Qt's offscreen platform.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi
from tests.benchmarks.measuring import processor
from tests.benchmarks.viewer import HEIGHT, WIDTH, Hand, Watched, report
from tests.huge_slides import write_huge
from tests.viewer.fakes import FakeEngine
from viewer.app import create_application
from viewer.tiles.source import close_all
from viewer.window.main_window import MainWindow

SIDE = 24_000  # of the slide, px
BEAT_MS = 10


def outlines(count: int, vertices: int) -> list[Roi]:
    """Wavy outlines on a grid over the slide."""
    across = math.ceil(math.sqrt(count))
    step = SIDE / across
    made = []
    for number in range(count):
        cx, cy = (number % across + 0.5) * step, (number // across + 0.5) * step
        ring = []
        for k in range(vertices):
            turn = 2 * math.pi * k / vertices
            r = step * (0.36 + 0.06 * math.sin(5 * turn + number))
            ring.append((cx + r * math.cos(turn), cy + r * math.sin(turn)))
        made.append(Roi(((tuple(ring),),), name=f"Gland {number + 1}"))
    return made


class Beats:
    """The gaps between ticks of the event loop, by the clock."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(interval=BEAT_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self.gaps.clear()
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> list[float]:
        """Milliseconds, the longest first."""
        self._timer.stop()
        return sorted((1e3 * gap for gap in self.gaps), reverse=True)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now


def save_all(window: MainWindow) -> None:
    """Change every region; all are shown and being saved on return."""
    document = window.workspace.document
    locked = [replace(roi, locked=not roi.locked) for roi in document.rois]
    document.change_many(locked, "Lock")
    wait(lambda: window.canvas.is_settled())
    end = time.monotonic() + 1
    wait(lambda: time.monotonic() > end)


def settle(window: MainWindow) -> None:
    """Until all is shown, and three seconds of being saved."""
    wait(lambda: window.canvas.is_settled())
    end = time.monotonic() + 3
    wait(lambda: time.monotonic() > end)


def told(beats: Beats) -> str:
    """The longest gaps."""
    return ", ".join(f"{gap:.0f}" for gap in beats.stop()[:5])


def wait(until, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise SystemExit("It took too long.")
        QApplication.processEvents()
        time.sleep(0.001)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=100_000)
    parser.add_argument("--vertices", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--memory-minutes", type=int, default=0)
    options = parser.parse_args()
    app = create_application()
    print(f"{processor()}, {app.platformName()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slide, file = folder / "slide.tif", folder / "regions.geojson"
        write_huge(slide, SIDE, SIDE)
        write_rois(file, outlines(options.regions, options.vertices))
        mib = file.stat().st_size / 2**20
        print(f"{options.regions} regions of {options.vertices} corners, {mib:.0f} MiB")
        window = MainWindow(FakeEngine, folder / "user")
        work = window.workspace
        window.resize(WIDTH, HEIGHT)
        window.show()
        work.files.open([str(slide)])
        wait(lambda: not work.busy and window.canvas.is_settled())
        beats, imported = Beats(), []
        work.regions.imported.connect(imported.append)
        start = time.perf_counter()
        beats.start()
        work.files.import_regions(str(file))
        wait(lambda: imported)
        seconds = time.perf_counter() - start
        settle(window)
        print(f"import {seconds:.1f} s, longest gaps {told(beats)} ms")
        work.sessions.finish()
        for what, step in (("undo", work.document.undo), ("redo", work.document.redo)):
            beats.start()
            step()
            settle(window)
            print(f"{what} of the import, longest gaps {told(beats)} ms")
        canvas = Watched()
        canvas.resize(WIDTH, HEIGHT)
        canvas.show()
        canvas.share_source(window.canvas)
        canvas.set_rois(work.document.rois)
        hand = Hand(canvas, wheel=False)
        across = SIDE * math.sqrt(min(1.0, 5000 / options.regions))
        part = (SIDE / 2, SIDE / 2, SIDE / 2 + across, SIDE / 2 + across)
        for title, box in (("all in view", (0.0, 0.0, SIDE, SIDE)), ("5,000 in view", part)):
            canvas.camera.fit_rect(box, margin=0.0)
            hand.run(2)
            save_all(window)
            report(f"{title}, being saved", hand.run(options.seconds))
            if not work.sessions.busy:
                print("(all of it was saved before the end; take fewer --seconds)")
            work.sessions.finish()
            report(title, hand.run(options.seconds))
        process = psutil.Process()
        for minute in range(options.memory_minutes + 1 if options.memory_minutes else 0):
            if minute:
                Hand(canvas, wheel=True).run(60)
            print(f"minute {minute}: {process.memory_info().rss / 2**20:.0f} MiB", flush=True)
        canvas.close()
        window.close()
        close_all()


if __name__ == "__main__":
    main()
