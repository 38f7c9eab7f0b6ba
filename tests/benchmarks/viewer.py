"""Frames of the slide canvas at 1920 x 1080, from the input to the end of its paint.

    python -m tests.benchmarks.viewer [--slide FILE] [--seconds 20] [--busy 0,1]

Sixty inputs a second pan and zoom a slide (a generated one of 12,000 x 9,000 px unless given):
once with nothing else to do, once while the engine classifies a large region window by window
without a break, and both beside endless loops at normal priority. Median and 99th percentile in ms.
Needs a screen (under Xvfb: ``xvfb-run -s '-screen 0 1920x1200x24' python -m …``); Qt's offscreen
platform paints as well, without the copy to the screen.
"""

from __future__ import annotations

import argparse
import math
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from ssmamba.engine.messages import Classify, JobDone, JobFailed, SlideRef
from ssmamba.engine.process import EngineClient
from ssmamba.reading.values import ReadOptions
from ssmamba.rois.roi import Roi
from tests.benchmarks.busy import MODEL, ROOT, busy
from tests.benchmarks.measuring import processor
from tests.slides import write_pyramid
from viewer.app import create_application
from viewer.canvas.canvas import SlideCanvas

INPUTS_A_SECOND = 60
WIDTH, HEIGHT = 1920, 1080


class Watched(SlideCanvas):
    """Notes how long after an input the paint that shows it has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: float | None = None
        self.frames: list[float] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.asked is not None:
            self.frames.append(time.perf_counter() - self.asked)
            self.asked = None


class Hand:
    """Drags in circles and turns the wheel now and then, as the system would send it.

    wheel: False drags only.
    """

    def __init__(self, canvas: Watched, wheel: bool = True) -> None:
        self.canvas, self.step, self.wheel = canvas, 0, wheel
        self.timer = QTimer(interval=round(1000 / INPUTS_A_SECOND))
        self.timer.timeout.connect(self._move)

    def run(self, seconds: float) -> list[float]:
        """Seconds of each frame."""
        self.canvas.frames.clear()
        self.canvas.asked = None
        self._mouse(QEvent.Type.MouseButtonPress, self._place())
        self.timer.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.0005)
        self.timer.stop()
        self._mouse(QEvent.Type.MouseButtonRelease, self._place())
        return list(self.canvas.frames)

    def _place(self) -> QPointF:
        turn = self.step / 40
        return QPointF(WIDTH / 2 + 400 * math.cos(turn), HEIGHT / 2 + 300 * math.sin(turn))

    def _move(self) -> None:
        self.step += 1
        waits, before = self.canvas.asked is not None, self.canvas.view_state()
        if not waits:
            self.canvas.asked = time.perf_counter()
        if self.wheel and self.step % 30 == 0:
            turn = 120 if self.step // 300 % 2 else -120
            place = self._place()
            QApplication.sendEvent(
                self.canvas,
                QWheelEvent(
                    place, place, QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
                    Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
                ),
            )  # fmt: skip
        else:
            self._mouse(QEvent.Type.MouseMove, self._place())
            if not waits and self.canvas.view_state() == before:
                self.canvas.asked = None  # nothing moves at the slide's edge

    def _mouse(self, kind: QEvent.Type, place: QPointF) -> None:
        button = Qt.MouseButton.MiddleButton
        changed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else button
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        none = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.canvas, QMouseEvent(kind, place, place, changed, held, none))


@contextmanager
def working_engine(slide: Path, side: int) -> Iterator[None]:
    """An engine that classifies without a break."""
    replies: queue.Queue = queue.Queue()
    client = EngineClient(replies.put, replies.put, device="cpu")
    client.start()
    over, warm = threading.Event(), threading.Event()
    ring = ((0.0, 0.0), (float(side), 0.0), (float(side), float(side)), (0.0, float(side)))
    roi = Roi(((ring,),))

    def ask() -> None:
        number = 0
        while not over.is_set():
            number += 1
            read = ReadOptions("tiles", 224.0 + number % 7)
            client.send(Classify(number, SlideRef(str(slide)), roi, (str(ROOT / MODEL),), read))
            while not over.is_set():
                try:
                    reply = replies.get(timeout=0.2)
                except queue.Empty:
                    continue
                warm.set()
                if isinstance(reply, JobDone | JobFailed | str):
                    break

    asker = threading.Thread(target=ask)
    asker.start()
    warm.wait(60)
    time.sleep(3)
    try:
        yield
    finally:
        over.set()
        client.close()
        asker.join()


def report(title: str, frames: list[float]) -> None:
    times = sorted(1e3 * frame for frame in frames)
    p99 = times[min(len(times) - 1, round(0.99 * len(times)))]
    print(
        f"{title:<34} {len(times):5d} frames, median {statistics.median(times):5.1f} ms, "
        f"99 % {p99:5.1f} ms, longest {times[-1]:5.1f} ms", flush=True,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slide", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--busy", default="0,1", help="numbers of busy programs beside")
    options = parser.parse_args()
    app = create_application()
    print(f"{processor()}, {app.platformName()}")
    with tempfile.TemporaryDirectory() as folder:
        slide = options.slide
        if slide is None:
            slide = Path(folder, "slide.tif")
            write_pyramid(slide, 12_000, 9_000)
        canvas = Watched()
        canvas.resize(WIDTH, HEIGHT)
        canvas.show()
        canvas.open_slide(str(slide))
        end = time.monotonic() + 60
        while canvas.source is None and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)
        hand = Hand(canvas)
        hand.run(3)
        for programs in map(int, options.busy.split(",")):
            with busy(programs):
                report(f"{programs} busy, engine idle", hand.run(options.seconds))
                with working_engine(slide, 6000):
                    report(f"{programs} busy, engine at work", hand.run(options.seconds))
        canvas.close()


if __name__ == "__main__":
    main()
