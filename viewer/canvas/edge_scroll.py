"""Scrolls the view while something is drawn or dragged at its edge."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF, QTimer

from viewer.canvas.camera import Camera

EDGE_PX = 24.0  # from the edge of the widget, logical pixels
STEP_MS = 16
FASTEST = 0.02  # of the widget's side in a step


class EdgeScroll:
    """Follows the mouse; ``moved`` is called after each step, as the slide moved under it."""

    def __init__(self, camera: Camera, moved: Callable[[], None], parent: QObject) -> None:
        self._camera = camera
        self._moved = moved
        self._by = (0.0, 0.0)  # device pixels a step
        self._timer = QTimer(parent, interval=STEP_MS)
        self._timer.timeout.connect(self._step)

    def follow(self, at: QPointF, dpr: float) -> None:
        """The mouse is at a device pixel."""
        view = self._camera.view
        self._by = tuple(  # type: ignore[assignment]
            side * FASTEST * _depth(place, side, EDGE_PX * dpr)
            for place, side in ((at.x(), view.width), (at.y(), view.height))
        )
        if self._by == (0.0, 0.0):
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _step(self) -> None:
        self._camera.pan_by(-self._by[0], -self._by[1])
        self._moved()


def _depth(place: float, side: float, edge: float) -> float:
    """How far a place is in the edge, -1 (left or top) to 1 (right or bottom); 0 = not there."""
    if place < edge:
        return max(-1.0, (place - edge) / edge)
    return min(1.0, (place - side + edge) / edge) if place > side - edge else 0.0
