"""Turns the slide on the screen as mouse or fingers go around."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF

from viewer.canvas.camera import Camera

SNAP_DEG = 2.0  # this near to a quarter turn, it is one
BEGINS_DEG = 12.0  # of two fingers, which also turn a little where they only zoom


class Turning:
    """Follows a mouse with its button held."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._around: QPointF | None = None  # device pixel; None while the button is up
        self._last = 0.0  # direction of the mouse from there, degrees
        self._wanted = 0.0  # rotation, before it snaps
        self._pressed, self._least = QPointF(), 0.0
        self._moved = False

    @property
    def is_held(self) -> bool:
        return self._around is not None

    def grab(self, at: QPointF, around: QPointF, least: float = 0.0) -> None:
        """The button goes down at a device pixel; what follows turns around another one.

        Less than ``least`` device pixels away it is a click.
        """
        self._pressed, self._least = at, least
        self._around, self._last = around, _direction(at - around)
        self._wanted, self._moved = self._camera.state.rotation, False

    def move(self, at: QPointF) -> None:
        is_click = (at - self._pressed).manhattanLength() < self._least
        if self._around is None or (is_click and not self._moved):
            return
        now = _direction(at - self._around)
        by = math.remainder(now - self._last, 360.0)
        if by:
            self._last, self._moved = now, True
            self._wanted += by
            self._camera.turn_to(_snapped(self._wanted))

    def drop(self) -> bool:
        """The button goes up; whether the slide was turned."""
        self._around = None
        return self._moved


class Twist:
    """Two fingers: nothing turns until they have turned by BEGINS_DEG."""

    def __init__(self) -> None:
        self._waiting: float | None = 0.0  # turned so far; None = it is meant

    def begin(self) -> None:
        self._waiting = 0.0

    def add(self, degrees: float) -> float:
        """They turn by degrees clockwise; by how much the slide is to turn."""
        by = math.remainder(degrees, 360.0)
        if self._waiting is None:
            return by
        self._waiting += by
        if abs(self._waiting) < BEGINS_DEG:
            return 0.0
        self._waiting = None
        return by


def _direction(way: QPointF) -> float:
    """Degrees clockwise from the right."""
    return math.degrees(math.atan2(way.y(), way.x()))


def _snapped(rotation: float) -> float:
    quarter = 90.0 * round(rotation / 90.0)
    return quarter if abs(rotation - quarter) <= SNAP_DEG else rotation
