"""Widgets are tested offscreen, and the window must answer all the while."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("LANG", "C.UTF-8")

import pytest
from _pytest.runner import runtestprotocol
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from ssmamba.rois.roi import Roi
from tests.own_time import windows_time
from tests.patience import PATIENCE_S
from tests.slides import write_pyramid
from tests.viewer.fakes import FakeEngine, write_model
from viewer.look import theme
from viewer.window.main_window import MainWindow

BEAT_MS = 10
LONGEST_TURN_MS = 150.0  # of the window's thread, on a machine that counts as fast as YARDSTICK_MS
YARDSTICK_MS = 25.0  # thread time of _count() on a laptop of 2020
PATIENCE_MS = PATIENCE_S * 1000
ATTEMPTS = 3
TOO_LONG = "one turn of the event loop worked for"
RING = ((200.0, 200.0), (420.0, 210.0), (430.0, 400.0), (210.0, 410.0), (200.0, 210.0))  # a lasso


class Heartbeat:
    """Ticks every 10 ms while the event loop is free, and notes how much its thread worked between.

    Processor time of the window's thread, not time on the clock: other programs, and other threads
    of ours, may hold the processor for as long as they like. What a test spends on writing slides
    does not count.
    """

    def __init__(self) -> None:
        self.longest_turn_ms = 0.0
        self._last = windows_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._on_beat)

    def start(self) -> None:
        self._last = windows_time()
        self._timer.start()

    def reset(self) -> None:
        """Forget the turns so far (the test itself was busy)."""
        self.longest_turn_ms = 0.0
        self._last = windows_time()

    def stop(self) -> None:
        self._timer.stop()

    def _on_beat(self) -> None:
        now = windows_time()
        self.longest_turn_ms = max(self.longest_turn_ms, (now - self._last) * 1000)
        self._last = now


def longest_turn_allowed_ms() -> float:
    """The limit on this machine, as busy as it is now: slower processors get longer."""
    start = time.thread_time()
    _count()
    return LONGEST_TURN_MS * max(1.0, (time.thread_time() - start) * 1000 / YARDSTICK_MS)


def _count() -> int:
    return sum(i & 7 for i in range(500_000))


class PatientBot(QtBot):
    """Waits as long as it takes: a busy machine is no fault of the window."""

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: object, *, timeout: int = PATIENCE_MS, **options: object):
        return super().waitSignal(signal, timeout=timeout, **options)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    """pytest-qt's, with more patience."""
    return PatientBot(request)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A warning of Qt fails a test of the viewer."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support"))


def pytest_sessionfinish() -> None:
    """Libraries that count what is left when Python ends (nanobind's) find nothing of ours."""
    gc.unfreeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test again that failed by its heartbeat alone.

    Work that takes too long does so each time; a processor shared with others is slow now and then.
    """
    if "heartbeat" not in getattr(item, "fixturenames", ()):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for _ in range(ATTEMPTS):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failures = [report for report in reports if report.failed]
        if not failures or any(TOO_LONG not in report.longreprtext for report in failures):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(autouse=True)
def collect_on_this_thread() -> Iterator[None]:
    """Python collects between the tests alone, and here: a worker thread must end no QObject.

    What is alive then (all of torch among it) is kept out of the collections to come, which would
    go through it for a third of a second.
    """
    gc.disable()
    gc.collect()
    gc.freeze()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture
def heartbeat(qapp: object) -> Iterator[Heartbeat]:
    """Fails the test when one turn of the event loop worked for more than 150 ms."""
    beat = Heartbeat()
    beat.start()
    yield beat
    beat.stop()
    worked_ms = beat.longest_turn_ms
    if worked_ms > LONGEST_TURN_MS:
        allowed_ms = longest_turn_allowed_ms()
        assert worked_ms <= allowed_ms, f"{TOO_LONG} {worked_ms:.0f} ms, more than {allowed_ms:.0f}"


@pytest.fixture
def slide_file(tmp_path: Path) -> Path:
    """A small pyramid with 0.5 µm/px."""
    path = tmp_path / "small.tif"
    write_pyramid(path)
    return path


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """Two classifiers and a masked model; cards only."""
    return [
        write_model(tmp_path / "first.safetensors", "First model"),
        write_model(tmp_path / "second.safetensors", "Second model", tags={"mixer": "mamba"}),
        write_model(tmp_path / "masked.safetensors", "Masked model", masked=True),
    ]


@pytest.fixture
def engines() -> Iterator[list[FakeEngine]]:
    """Every fake engine that the test starts, in order."""
    FakeEngine.made = []
    yield FakeEngine.made
    FakeEngine.made = []


@pytest.fixture(scope="session")
def styled(qapp: QApplication) -> None:
    """Our theme, put on once: each time all widgets that there are would be styled again."""
    theme.apply(qapp)


@pytest.fixture
def window(
    qtbot: QtBot, styled: None, tmp_path: Path, engines: list[FakeEngine], heartbeat: Heartbeat
) -> Iterator[MainWindow]:
    """The shown window with a fake engine; it must answer at all times."""
    import pyqtgraph  # noqa: F401  (the viewer loads it ahead on a thread)

    import ssmamba.rois.geometry  # noqa: F401

    made = MainWindow(FakeEngine, tmp_path / "user")
    qtbot.addWidget(made)
    made.resize(1280, 860)
    made.show()
    qtbot.waitExposed(made)
    heartbeat.reset()
    yield made
    made.close()


@pytest.fixture
def bench(
    window: MainWindow,
    qtbot: QtBot,
    slide_file: Path,
    models: list[Path],
    heartbeat: Heartbeat,
) -> Bench:
    """A window with an open slide and three models."""
    heartbeat.reset()  # the files were made since the window was shown
    made = Bench(window, qtbot)
    made.open(slide_file)
    window.workspace.models.add_files([str(p) for p in models])
    made.settle()
    return made


class Bench:
    """Drives the whole window as a user would."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self.qtbot = qtbot
        self.work = window.workspace
        self.document = self.work.document

    def open(self, path: Path) -> None:
        with self.qtbot.waitSignal(self.work.slides.opened):
            self.work.files.open([str(path)])
        self.settle()

    def settle(self) -> None:
        """Wait until every tile is painted and nothing is under way."""
        self.qtbot.waitUntil(self._is_settled)
        QApplication.processEvents()  # the room may be shared out anew, as for the comparison
        self.qtbot.waitUntil(self._is_settled)

    def _is_settled(self) -> bool:
        return not self.work.busy and self.window.canvas.is_settled()

    def draw(self, *places: tuple[float, float]) -> Roi:
        """Draw a lasso through places (level-0 px) with the mouse; returns the region."""
        canvas = self.window.canvas
        canvas.set_tool("lasso")
        points = [canvas.camera.view.to_screen(*place).toPoint() for place in places]
        before = {roi.id for roi in self.document.rois}
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
        for point in points[1:]:
            QTest.mouseMove(canvas, point)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])
        canvas.set_tool("pan")
        (made,) = (roi for roi in self.document.rois if roi.id not in before)
        return made

    def texts(self, widget: QWidget) -> str:
        """Every text that a user can read in a widget now."""
        labels = [c for c in widget.findChildren(QLabel) if c.isVisibleTo(widget)]
        return "\n".join(label.text() for label in labels)
