"""Turns the slide on the screen as mouse or fingers go around."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF

from viewer.canvas.camera import Camera
from viewer.canvas.scene import Scene

CLICK_PX = 4.0  # a press that moves less is a click, logical pixels
SNAP_DEG = 2.0  # this near to a quarter turn, it is one
BEGINS_DEG = 12.0  # of two fingers, which also turn a little where they only zoom


class Turning:
    """Follows a mouse with its button held, on the compass or around the middle of the view."""

    def __init__(self, camera: Camera, scene: Scene) -> None:
        self._camera = camera
        self._scene = scene
        self.on_compass = False  # the last press was there
        self._around: QPointF | None = None  # device pixel; None while the button is up
        self._last = 0.0  # direction of the mouse from there, degrees
        self._wanted = 0.0  # rotation, before it snaps
        self._pressed = QPointF()
        self._moved = False

    @property
    def is_held(self) -> bool:
        return self._around is not None

    def press(self, at: QPointF, anywhere: bool) -> bool:
        """A button goes down at a device pixel; whether what follows turns the slide.

        anywhere: also beside the compass.
        """
        compass = self._scene.compass_place()
        self.on_compass = self.is_over(at)
        if compass is not None and self.on_compass:
            self._grab(at, compass.center())
        elif anywhere:
            self._grab(at, self._camera.view.middle)
        return self.is_held

    def is_over(self, at: QPointF) -> bool:
        """Whether a device pixel is on the compass."""
        compass = self._scene.compass_place()
        return compass is not None and compass.contains(at)

    def _grab(self, at: QPointF, around: QPointF) -> None:
        self._pressed = at
        self._around, self._last = around, _direction(at - around)
        self._wanted, self._moved = self._camera.state.rotation, False

    def move(self, at: QPointF) -> None:
        is_near = (at - self._pressed).manhattanLength() < CLICK_PX * self._scene.dpr
        if self._around is None or (self.on_compass and is_near and not self._moved):
            return
        now = _direction(at - self._around)
        by = math.remainder(now - self._last, 360.0)
        if by:
            self._last, self._moved = now, True
            self._wanted += by
            self._camera.turn_to(_snapped(self._wanted))

    def release(self) -> None:
        """The button goes up; after a click on the compass the slide is upright."""
        if self.on_compass and not self._moved:
            self._camera.turn_to(0.0)
        self.let_go()

    def let_go(self) -> None:
        self._around = None


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
