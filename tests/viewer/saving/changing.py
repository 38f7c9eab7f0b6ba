"""Changes something every 0.4 s until it is killed, and notes each change in a file.

python -m tests.viewer.saving.changing STATE_FOLDER LOG         state and saving, without Qt
python -m tests.viewer.saving.changing STATE_FOLDER LOG SLIDE   the whole window, with a fake engine
python -m tests.viewer.saving.changing STATE_FOLDER LOG SLIDE tools   the same, with every tool
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ssmamba.rois.roi import Roi, geometry_hash
from tests.viewer.fakes import square
from viewer.controllers.sessions import SAVE_DELAY_MS
from viewer.state.document import Document

EVERY_S = 0.4
START = "start"


def told(rois: Iterable[Roi]) -> str:
    """What must be kept of regions: ids, names, and outlines."""
    return ",".join(f"{roi.id}={roi.name}/{geometry_hash(roi)[:8]}" for roi in rois)


class Changes:
    """Draws, edits and deletes in turn; a line of the log is a time and what must be kept then."""

    def __init__(self, document: Document, log: Path) -> None:
        self._document = document
        self._log = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._count = 0

    def make_one(self) -> None:
        document, number = self._document, self._count
        self._count += 1
        roi_id = f"r{number - number % 3}"
        roi = document.roi(roi_id)
        if number % 3 == 0 or roi is None:
            document.add([square(number % 300, 0, 40, f"drawn {number}", roi_id)])
        elif number % 3 == 1:
            document.change(replace(roi, name=f"edited {number}"))
        else:
            document.add([square(0, number % 300, 40, "passing", f"x{number}")])
            document.remove([f"x{number}"] if number % 2 else [roi_id])
        self.note()

    def note(self, text: str = "") -> None:
        shown = told(self._document.rois)
        os.write(self._log, f"{time.time():.3f}|{text or shown}\n".encode())


def without_window(folder: Path, log: Path) -> None:
    """As the session controller saves, with a thread for the worker."""
    from tests.viewer.saving.kept_window import KeptWindow

    window = KeptWindow(folder)
    changes = Changes(window.document, log)
    lock = threading.Lock()

    def save() -> None:
        while True:
            time.sleep(SAVE_DELAY_MS / 1000)
            with lock:
                window.queue()
            outcomes = window.waiting.write()
            with lock:
                window.receive(outcomes)

    threading.Thread(target=save, daemon=True).start()
    changes.note(START)
    while True:
        with lock:
            changes.make_one()
        time.sleep(EVERY_S)


def with_window(folder: Path, log: Path, slide: str, how: str = "") -> None:
    """how: "tools" draws with the tools of the slide, step by step, instead."""
    from PySide6.QtCore import QTimer

    from tests.viewer.fakes import FakeEngine
    from viewer import app as viewer_app
    from viewer.window.main_window import MainWindow

    application = viewer_app.create_application()
    window = MainWindow(FakeEngine, folder)
    changes = Changes(window.workspace.document, log)
    timer = QTimer(interval=int(EVERY_S * 1000))
    timer.timeout.connect(changes.make_one)

    def begin(*_: object) -> None:
        changes.note(START)
        if how == "tools":
            from tests.viewer.saving.drawing import STEP_MS, gestures

            window.workspace.document.rois_changed.connect(changes.note)
            steps = gestures(window)
            timer.timeout.disconnect()
            timer.timeout.connect(lambda: next(steps))
            timer.setInterval(STEP_MS)
        timer.start()

    window.workspace.slides.opened.connect(begin)
    window.show()
    window.workspace.files.open([slide])
    application.exec()


if __name__ == "__main__":
    run: Callable[..., None] = with_window if len(sys.argv) > 3 else without_window
    run(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
