"""Python's collections of garbage, on the GUI thread alone."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000


class Collector(QObject):
    """Turns automatic collection off and collects from a timer while the event loop is free.

    Python collects on whatever thread happens to allocate. An unreachable cycle that holds a
    QObject would then be destroyed by a thread that draws tiles or reads files, and Qt crashes
    when timers and widgets go anywhere but on their own thread.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(collect_when_due)
        self._timer.start()


def collect_when_due() -> None:
    """Collect the oldest generation whose count is above Python's own threshold."""
    due = [
        generation
        for generation, (count, most) in enumerate(
            zip(gc.get_count(), gc.get_threshold(), strict=True)
        )
        if most and count > most
    ]
    if due:
        gc.collect(due[-1])
