"""Python's collections of garbage, on the GUI thread alone."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000
GROWTH = 0.25  # of the objects that live long, before all are gone through again


class Collector(QObject):
    """Turns automatic collection off and collects from a timer while the event loop is free.

    Python collects on whatever thread happens to allocate. An unreachable cycle that holds a
    QObject would then be destroyed by a thread that draws tiles or reads files, and Qt crashes
    when timers and widgets go anywhere but on their own thread.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._kept = 0  # objects that the last full collection left
        self._promoted = 0  # objects that have joined them since, about
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.collect_when_due)
        self._timer.start()

    def collect_when_due(self) -> None:
        """Collect the oldest generation whose count is above Python's own threshold.

        The oldest one of all only when it has grown by a quarter, which is Python's rule too: it
        goes through every region of the slide, and the window waits meanwhile.
        """
        young, middle, old = (
            0 < most < count for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True)
        )
        if old and self._promoted > self._kept * GROWTH:
            gc.collect()
            self._kept, self._promoted = len(gc.get_objects(generation=2)), 0
        elif middle:
            self._promoted += len(gc.get_objects(generation=1))
            gc.collect(1)
        elif young:
            gc.collect(0)
