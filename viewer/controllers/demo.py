"""Makes the demo slide on first use, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal

from viewer.controllers.shared import Controller, Shared
from viewer.demo import Demo, ensure_demo
from viewer.text.tr import tr, translated


class DemoController(Controller):
    """Finds or creates the demo's files on a worker."""

    ready = Signal(object)  # Demo
    progressed = Signal(str, int, int)  # as AnalysisController.activity_changed; "" = finished
    failed = Signal(str)

    _stepped = Signal(int, int)  # from the worker

    def __init__(self, shared: Shared, folder: Path) -> None:
        super().__init__(shared)
        self._folder = folder
        self.busy = False
        self._stepped.connect(self._on_stepped)

    def open(self, data: str = "", models: Sequence[str] = ()) -> None:
        """data: a folder of images of known class, of which a montage is made for the models;
        "" = the generated slide."""
        if not self.busy:
            self.busy = True
            self._background.run(lambda: self._work(data, models), self._on_ready, self._on_failed)

    def _work(self, data: str, models: Sequence[str]) -> Demo:
        if not data:
            return ensure_demo(self._folder, self._stepped.emit)
        from viewer.demo.montage import ensure_montage

        return ensure_montage(self._folder, Path(data), models, self._stepped.emit)

    def _on_stepped(self, done: int, total: int) -> None:
        if self.busy:
            self.progressed.emit(tr("Drawing demo slide"), done, total)

    def _on_ready(self, demo: Demo) -> None:
        self.busy = False
        self.progressed.emit("", 0, 0)
        if demo.note:
            self._messages.warn(demo.note)
        self.ready.emit(demo)

    def _on_failed(self, error: BaseException) -> None:
        self.busy = False
        self.progressed.emit("", 0, 0)
        self._messages.report(error)
        self.failed.emit(translated(str(error)))
