"""A window whose slide is read by an engine that the test drives."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint

from ssmamba.engine.messages import ScanSlide
from tests.viewer.conftest import Bench
from tests.viewer.fakes import FakeEngine
from tests.viewer.scanning import FakeScan
from viewer.state.scale import field_key


class Reader:
    """A user who has the slide read, and the engine that does it."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.work, self.window = bench, bench.work, bench.window
        self.scans = bench.work.slide_scans.scans
        self.panel = bench.window.panels["slide_scan"]
        self.work.bridge.start()
        bench.qtbot.waitUntil(lambda: self.work.bridge.state is not None)
        bench.settle()
        self.engine.patient = True

    @property
    def engine(self) -> FakeEngine:
        return FakeEngine.made[-1]

    @property
    def model(self):
        return self.work.library.shown

    def set_scale(self, px: float = 100.0) -> None:
        document = self.work.document
        document.set_slide_settings(document.slide_settings.with_field(field_key(self.model), px))

    def press(self, name: str = "read_slide") -> None:
        self.window.actions_by_name[name].trigger()

    def asked(self) -> list[ScanSlide]:
        return self.engine.of_kind(ScanSlide)

    def start(self, begin: bool = True) -> FakeScan:
        before = len(self.asked())
        self.press()
        return self.next(before, begin)

    def next(self, before: int, begin: bool = True) -> FakeScan:
        """The scan that is asked for next."""
        self.bench.qtbot.waitUntil(lambda: len(self.asked()) > before)
        made = FakeScan(self.engine, self.model.file_sha256)
        if begin:
            made.begin()
            self.bench.qtbot.waitUntil(lambda: self.scans.map is not None)
        return made

    def wait(self, status: str) -> None:
        self.bench.qtbot.waitUntil(lambda: self.scans.status == status)

    def wait_done(self, count: int) -> None:
        self.bench.qtbot.waitUntil(
            lambda: self.scans.map is not None and self.scans.map.done == count
        )

    def settle(self) -> None:
        """Painted, and on the disk."""
        painter, keeper = self.work.scan_painter, self.work.slide_scans._keeper
        self.bench.qtbot.waitUntil(lambda: not painter._soon.isActive())
        keeper.finish()
        self.bench.qtbot.waitUntil(self.window.canvas.is_settled)

    def colour(self, x: float, y: float) -> np.ndarray:
        canvas = self.window.canvas
        place = canvas.camera.view.to_screen(x, y).toPoint()
        image = canvas.grab().toImage()
        return np.array(image.pixelColor(QPoint(place.x(), place.y())).getRgb()[:3], int)
