"""Python's garbage collection, on the GUI thread only."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000
GROWTH = 0.25  # of the long-lived objects, before the next full collection
BURST = 100_000  # new objects within an interval: regions being read, not widgets


class Collector(QObject):
    """Turns automatic collection off and collects from a timer while the event loop is idle.

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

        The oldest generation is collected only after growing by a quarter (Python's own rule):
        that visits every object there, and blocks the window meanwhile. A burst is exempted for
        good (``gc.freeze``, which takes no time): to go through 100,000 regions takes half a
        second, and none of them is in a cycle.
        """
        if gc.get_count()[0] > BURST:
            gc.freeze()
            self._kept = self._promoted = 0
            return
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
