"""``--screenshot``: open the files, wait until everything is shown, save an image of the window."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from viewer.arguments import Options
from viewer.services.engine_bridge import EngineFactory
from viewer.text.tr import tr
from viewer.window.main_window import MainWindow
from viewer.window.startup import begin

SIZE = (1600, 1000)
POLL_MS = 40
CALM_POLLS = 4  # polls in a row that must find everything done
TIMEOUT_S = 300.0


class ScreenshotRun(QObject):
    """Watches the window until everything is shown, then saves an image of it."""

    finished = Signal(int)  # exit status

    def __init__(self, window: MainWindow, options: Options, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(window)
        self._window = window
        self._target = Path(options.screenshot or "screenshot.png")
        self._needs_rois = options.rois is not None or options.demo
        self._deadline = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._calm = 0
        self._over = False
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self._look)
        work = window.workspace
        work.analysis.all_maps = True
        for failed in (
            work.demo.failed,
            work.slides.failed,
            work.models.failed,
            work.regions.import_failed,
            work.analysis.job_failed,
        ):
            failed.connect(self.fail)
        work.regions.imported.connect(self._ask_all)
        self._timer.start()

    def fail(self, sentence: str) -> None:
        """Exit with status 2 and a message."""
        if not self._over:
            print(sentence, file=sys.stderr)
            self._end(2)

    def _ask_all(self, _what: object) -> None:
        """Classify all regions once they are imported."""
        document = self._window.workspace.document
        if document.rois:
            self._needs_rois = False
            self._window.workspace.analysis.ask([roi.id for roi in document.rois])
            if document.selected is None:
                document.select(document.rois[0].id)

    def _look(self) -> None:
        if time.monotonic() > self._deadline:
            text = tr("Not finished after {seconds:.0f} s. Try fewer or smaller regions.")
            self.fail(text.format(seconds=self._timeout_s))
            return
        self._calm = self._calm + 1 if self._done() else 0
        if self._calm >= CALM_POLLS:
            self._save()

    def _done(self) -> bool:
        window = self._window
        work = window.workspace
        if work.busy or self._needs_rois or window.compare.busy:
            return False
        if work.document.slide is not None and not window.canvas.is_settled():
            return False
        return not window.compare.isVisible() or window.compare.settled

    def _save(self) -> None:
        if self._window.grab().save(str(self._target)):
            self._end(0)
        else:
            text = tr("Could not save the image to {path}. Choose another folder.")
            self.fail(text.format(path=self._target))

    def _end(self, status: int) -> None:
        self._over = True
        self._timer.stop()
        self.finished.emit(status)


def take_screenshot(app: QApplication, engine: EngineFactory, options: Options) -> int:
    """Run a window until its image is saved; returns the exit status.

    The user's saved regions are neither shown nor changed.
    """
    with TemporaryDirectory(prefix="ssmamba-viewer-") as folder:
        window = MainWindow(engine, Path(folder))
        window.workspace.messages.catch_everything()
        window.resize(*SIZE)
        return _run(app, window, options)


def _run(app: QApplication, window: MainWindow, options: Options) -> int:
    run = ScreenshotRun(window, options)
    status: list[int] = []

    def leave(code: int) -> None:
        status.append(code)
        app.exit(code)

    run.finished.connect(leave)
    window.show()
    # Inside the event loop: an immediate failure could not exit a loop that has not started.
    QTimer.singleShot(0, lambda: begin(window, options))
    app.exec()
    window.hide()
    window.workspace.close()  # not the window: nothing is saved, and there is no user to ask
    return status[0] if status else 2
