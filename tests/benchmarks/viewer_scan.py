"""A whole slide read in the viewer: its first colour, and how soon a region is answered meanwhile.

    xvfb-run -s '-screen 0 1920x1200x24' python -m tests.benchmarks.viewer_scan --model FILE
        [--slide FILE] [--regions 12]

The window and its engine are real; the slide has 100,000 x 80,000 px unless one is given. Regions
of 224 px are drawn one at a time, from the end of the drawing to their answer, first alone and then
while the slide is read; then times of both, and the window's longest turn (processor time).
Qt's offscreen platform does as well as a screen.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from ssmamba.rois.roi import Roi
from tests.benchmarks.measuring import processor
from tests.huge_slides import TILE, write_huge
from tests.slides import grainy
from tests.viewer.conftest import Heartbeat
from viewer import app as viewer_app
from viewer.arguments import parse
from viewer.window.startup import begin

SIDE = 224  # of a region, level-0 pixels
BEAT_MS = 5
PAUSE_S = 0.5  # between a region and the next one
LONGEST_S = 120.0


class Watched:
    """The viewer with a slide and a model, and how long it takes from one state to another."""

    def __init__(self, slide: Path, model: Path) -> None:
        from viewer.window.main_window import MainWindow

        self.beat = QTimer(interval=BEAT_MS)  # so that the loop wakes and looks
        self.beat.start()
        options = parse([str(slide), "--model", str(model), "--device", "cpu"])
        self.window = MainWindow(viewer_app.engine_factory(options.device))
        self.window.resize(1900, 1100)
        self.window.show()
        begin(self.window, options)
        self.work = self.window.workspace
        self.until(lambda: self.work.document.slide is not None and self.work.bridge.state)
        self.until(lambda: self.window.canvas.is_settled() and not self.work.busy)

    def until(self, true: Callable[[], object]) -> float:
        """Seconds until something holds, the event loop running."""
        begun = time.perf_counter()
        while not true():
            if time.perf_counter() - begun > LONGEST_S:
                raise SystemExit("It never came; is the machine busy?")
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return time.perf_counter() - begun

    def answers(self, first: int, count: int) -> list[float]:
        """Seconds from the end of a region's drawing to its answer, for each of some regions."""
        document, found = self.work.document, []
        results = document.results
        (model,) = self.work.library.in_use
        for number in range(first, first + count):
            roi = _square(number)
            document.add([roi])
            document.select(roi.id)  # as a tool does
            self.work.analysis.ask([roi.id])
            found.append(
                self.until(lambda i=roi.id: results.newest_answer(i, model.path) is not None)
            )
            paused = time.perf_counter() + PAUSE_S
            self.until(lambda end=paused: time.perf_counter() > end)
        return found


def _square(number: int) -> Roi:
    x, y = 4000.0 + 300 * (number % 8), 4000.0 + 300 * (number // 8)
    return Roi(((((x, y), (x + SIDE, y), (x + SIDE, y + SIDE), (x, y + SIDE)),),))


def _measure(watched: Watched, count: int) -> None:
    scans = watched.work.slide_scans
    watched.answers(0, 3)  # what is loaded and compiled at the first ones
    alone = watched.answers(3, count)
    beat = Heartbeat()
    beat.start()
    beat.reset()
    scans.start()
    first = watched.until(lambda: scans.scans.map is not None and scans.scans.map.done > 0)
    watched.until(lambda: scans.scans.map.done > 40)
    meanwhile = watched.answers(3 + count, count)
    beat.stop()
    middle, beside = statistics.median(alone), statistics.median(meanwhile)
    print(f"{processor()}; {scans.scans.map.head.windows} windows on the slide")
    print(f"first windows with colour after {first:.2f} s")
    print(f"a region's answer, median of {count}: alone {1e3 * middle:.0f} ms, "
          f"while the slide is read {1e3 * beside:.0f} ms ({beside / middle:.2f} x)")  # fmt: skip
    print(f"the window's longest turn: {beat.longest_turn_ms:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--slide", type=Path)
    parser.add_argument("--regions", type=int, default=12)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SSMAMBA_VIEWER_HOME"] = str(Path(folder) / "home")
        slide = given.slide
        if slide is None:
            slide = Path(folder) / "huge.tif"
            write_huge(slide, tissue=[grainy(TILE, TILE, seed) for seed in range(4)])
        application = viewer_app.create_application()
        watched = Watched(slide, given.model)
        try:
            _measure(watched, given.regions)
        finally:
            watched.window.close()
            application.processEvents()


if __name__ == "__main__":
    main()
