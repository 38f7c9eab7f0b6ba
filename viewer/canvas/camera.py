"""The view state of a canvas, and everything that moves it."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QObject, QPointF, Signal

from ssmamba.slides.slide import SlideInfo
from viewer.canvas.types import ViewState
from viewer.canvas.view import View, fitting, limited
from viewer.canvas.zoom import SmoothZoom
from viewer.tiles.pyramid import Rect

FIT_MARGIN = 0.02
UM_AT_1X = 10.0  # µm per screen pixel at 1×: 0.25 µm is 40×
ROTATION_DECIMALS = 2  # degrees; the corner of a 4K screen moves by less than half a pixel


class Camera(QObject):
    """The view of one canvas; on screen in device pixels, on the slide in level-0 pixels."""

    changed = Signal(object)  # ViewState

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = ViewState(0.0, 0.0, 1.0)
        self._size = (1, 1)  # of the screen
        self._info: SlideInfo | None = None
        self._mpp: float | None = None
        self._auto_fit = True  # until the user moves, a new size fits the slide again
        self._zoom = SmoothZoom(self._zoom_now, self)

    # --- slide and screen
    def set_slide(self, info: SlideInfo | None) -> None:
        """Show another slide as a whole; calibration and rotation of the last one are dropped."""
        self._info = info
        self._mpp = None
        self._zoom.stop()
        self._auto_fit = True
        if info is not None:
            self._set(self._whole(info, 0.0))

    def set_screen(self, width: int, height: int) -> None:
        self._size = (width, height)
        if self._auto_fit:
            self.fit()

    def set_mpp(self, mpp: float | None) -> None:
        self._mpp = mpp

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel: the user's, else the slide's, else None."""
        if self._mpp is not None:
            return self._mpp
        return None if self._info is None else self._info.mpp

    @property
    def view(self) -> View:
        return View(self._state, *self._size)

    @property
    def state(self) -> ViewState:
        return self._state

    @property
    def is_moving(self) -> bool:
        return self._zoom.is_running

    @property
    def fits(self) -> bool:
        """Whether the whole slide is shown because nobody has moved."""
        return self._auto_fit

    @property
    def info(self) -> SlideInfo | None:
        """The slide that is shown."""
        return self._info

    # --- movements
    def look(self, state: ViewState) -> None:
        """Change the view; ``changed`` is not emitted when nothing changes."""
        self._auto_fit = False
        self._zoom.stop()
        self._set(state)

    def fit(self) -> None:
        """Show the whole slide (its scanned part, if the file defines it)."""
        self._zoom.stop()
        self._auto_fit = True
        if self._info is not None:
            self._set(self._whole(self._info, self._state.rotation))

    def fit_rect(self, rect: Rect, margin: float) -> None:
        """Show a rectangle (level-0 px) with a margin (share of its size on each side)."""
        self.look(fitting(rect, *self._size, margin, self._state.rotation))

    def move_to(self, x: float, y: float) -> None:
        """Centre a position on the slide (level-0 px)."""
        self.look(replace(self._state, center_x=x, center_y=y))

    def pan_by(self, dx: float, dy: float) -> None:
        """Pan by device pixels."""
        self._auto_fit = False
        self._set(self.view.panned(dx, dy))

    def turn_to(self, degrees: float, at: QPointF | None = None) -> None:
        """Rotate the slide on the screen, clockwise, about a device pixel (None: the middle).

        A slide that is shown as a whole stays whole.
        """
        rotation = round(degrees % 360.0, ROTATION_DECIMALS) % 360.0
        if rotation == self._state.rotation:
            return
        self._zoom.stop()
        if self._auto_fit and self._info is not None:
            self._set(self._whole(self._info, rotation))
        else:
            x, y = (self._size[0] / 2, self._size[1] / 2) if at is None else (at.x(), at.y())
            self._set(self.view.turned(rotation, x, y))

    def turn_by(self, degrees: float, at: QPointF | None = None) -> None:
        self.turn_to(self._state.rotation + degrees, at)

    def zoom_at(self, steps: float, at: QPointF | None, *, smooth: bool = True) -> None:
        """Zoom by factors of two about a device pixel (None: the middle)."""
        x, y = (self._size[0] / 2, self._size[1] / 2) if at is None else (at.x(), at.y())
        if smooth:
            self._zoom.add(steps, x, y)
        else:
            self._zoom_now(2.0**steps, x, y)

    def zoom_to(self, downsample: float) -> None:
        """Zoom smoothly about the middle until a screen pixel covers ``downsample`` px."""
        self._zoom.stop()
        self.zoom_at(math.log2(self._state.downsample / downsample), None)

    def magnification(self) -> float | None:
        """10 / µm per screen pixel; else by the objective power; None when neither is known."""
        full = self.full_magnification
        return None if full is None else full / self._state.downsample

    def set_magnification(self, magnification: float) -> None:
        """Show at an objective's magnification; without calibration, 1× is 1:1."""
        full = self.full_magnification or 1.0
        self.look(replace(self._state, downsample=full / magnification))

    @property
    def full_magnification(self) -> float | None:
        """Of one slide pixel on one screen pixel."""
        if self.mpp is not None:
            return UM_AT_1X / self.mpp
        return None if self._info is None else self._info.objective_power

    def _whole(self, info: SlideInfo, rotation: float) -> ViewState:
        """The state that shows all of a slide (its scanned part, if the file defines it)."""
        x, y, width, height = info.bounds or (0, 0, info.width, info.height)
        return fitting((x, y, x + width, y + height), *self._size, FIT_MARGIN, rotation)

    def _zoom_now(self, factor: float, px: float, py: float) -> None:
        if self._info is None:
            return
        self._auto_fit = False
        view = self.view
        wanted = view.zoomed(factor, px, py)
        held = limited(wanted, self._info.width, self._info.height).downsample
        self._set(view.zoomed(self._state.downsample / held, px, py))

    def _set(self, state: ViewState) -> None:
        if self._info is not None:
            state = limited(state, self._info.width, self._info.height)
        if state != self._state:
            self._state = state
            self.changed.emit(state)
