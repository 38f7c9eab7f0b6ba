"""Smooth zooming: the wheel sets a target, reached over a few frames."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

FRAME_MS = 14
SHARE_PER_FRAME = 0.35  # of the remaining distance
CLOSE_ENOUGH = 0.004  # in factors of two


class SmoothZoom(QObject):
    """Spreads zoom steps over several frames, about a fixed point."""

    def __init__(self, apply: Callable[[float, float, float], None], parent: QObject) -> None:
        """``apply(factor, px, py)`` zooms at once about a device pixel."""
        super().__init__(parent)
        self._apply = apply
        self._left = 0.0  # factors of two still to go
        self._at = (0.0, 0.0)
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._on_frame)

    @property
    def is_running(self) -> bool:
        return self._timer.isActive()

    def add(self, steps: float, px: float, py: float) -> None:
        """Zoom ``steps`` factors of two nearer (negative: farther) about a device pixel."""
        self._left += steps
        self._at = (px, py)
        if not self._timer.isActive():
            self._timer.start()
            self._on_frame()

    def stop(self) -> None:
        self._left = 0.0
        self._timer.stop()

    def _on_frame(self) -> None:
        step = self._left * SHARE_PER_FRAME
        if abs(self._left) < CLOSE_ENOUGH:
            step = self._left
            self._timer.stop()
        self._left -= step
        self._apply(math.pow(2.0, step), *self._at)
