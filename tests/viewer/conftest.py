"""Widgets are tested offscreen, and the window must answer all the while."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("LANG", "C.UTF-8")

import pytest
from PySide6.QtCore import Qt, QTimer

BEAT_MS = 10
LONGEST_GAP_MS = 150


class Heartbeat:
    """Ticks every 10 ms while the event loop is free; the longest gap tells how long it was not."""

    def __init__(self) -> None:
        self.longest_gap_ms = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._on_beat)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start()

    def reset(self) -> None:
        """Forget gaps so far (the test itself was busy)."""
        self.longest_gap_ms = 0.0
        self._last = time.perf_counter()

    def stop(self) -> None:
        self._timer.stop()

    def _on_beat(self) -> None:
        now = time.perf_counter()
        self.longest_gap_ms = max(self.longest_gap_ms, (now - self._last) * 1000)
        self._last = now


@pytest.fixture
def heartbeat(qapp: object) -> Iterator[Heartbeat]:
    """Fails the test when the event loop stood still for more than 150 ms."""
    beat = Heartbeat()
    beat.start()
    yield beat
    beat.stop()
    assert beat.longest_gap_ms <= LONGEST_GAP_MS, (
        f"the window did not answer for {beat.longest_gap_ms:.0f} ms"
    )
