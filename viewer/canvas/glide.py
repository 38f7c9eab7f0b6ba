"""Goes on after a quick pan, ever slower, as a slide that was pushed."""

from __future__ import annotations

import math
from collections import deque

from PySide6.QtCore import QElapsedTimer, QObject, QTimer
from PySide6.QtWidgets import QApplication, QStyle

from viewer.canvas import habits
from viewer.canvas.camera import Camera

FRAME_MS = 14
SLOWING_MS = 300.0  # until the speed is 1/e of what it was
LATEST_MS = 100.0  # of the pan, whose speed counts
SHORTEST_MS = 20.0  # of it; less says nothing about the speed
HELD_MS = 60.0  # a mouse that stood still so long was not let go in motion
SLOWEST = 0.25  # that begins to glide, logical pixels a millisecond
FASTEST = 6.0
ENDS_AT = 0.02


class Glide(QObject):
    """Follows a pan; anything else that moves the view ends the gliding."""

    def __init__(self, camera: Camera, parent: QObject) -> None:
        super().__init__(parent)
        self._camera = camera
        self._way: deque[tuple[float, float, float]] = deque()  # ms, dx, dy in device pixels
        self._speed = (0.0, 0.0)  # device pixels a millisecond, at the start
        self._gone = 0.0  # share of the whole way
        self._slowest = ENDS_AT
        self._left = camera.state  # where the last frame left the view
        self._since = QElapsedTimer()
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._step)

    @property
    def is_running(self) -> bool:
        return self._timer.isActive()

    def follow(self, at_ms: float, dx: float, dy: float) -> None:
        """The pan has moved the view by device pixels."""
        self._way.append((at_ms, dx, dy))
        while at_ms - self._way[0][0] > LATEST_MS:
            self._way.popleft()

    def let_go(self, at_ms: float, dpr: float) -> None:
        """The pan ends; glide if it was quick until now."""
        way, self._way = self._way, deque()
        if not way or at_ms - way[-1][0] > HELD_MS or not _is_wanted():
            return
        span = way[-1][0] - way[0][0]
        if span < SHORTEST_MS:
            return
        way.popleft()  # what the first one moved came before the span
        dx, dy = (sum(step[axis] for step in way) / span for axis in (1, 2))
        speed = math.hypot(dx, dy)
        if speed < SLOWEST * dpr:
            return
        slower = min(1.0, FASTEST * dpr / speed)
        self._speed = (dx * slower, dy * slower)
        self._slowest = ENDS_AT * dpr / (speed * slower)
        self._gone = 0.0
        self._left = self._camera.state
        self._since.start()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self._way.clear()

    def _step(self) -> None:
        if self._camera.state != self._left:  # zoomed, or another place is shown
            self.stop()
            return
        rest = math.exp(-self._since.elapsed() / SLOWING_MS)
        by = (1.0 - rest - self._gone) * SLOWING_MS
        self._gone = 1.0 - rest
        self._camera.pan_by(self._speed[0] * by, self._speed[1] * by)
        if rest < self._slowest:
            self.stop()
        self._left = self._camera.state


def _is_wanted() -> bool:
    """Whether user and system like things to move by themselves."""
    hint = QStyle.StyleHint.SH_Widget_Animation_Duration
    return habits.current().glide and QApplication.style().styleHint(hint) > 0
