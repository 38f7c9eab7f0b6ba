"""Two canvases with two slides that show the same place while they are linked."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject

from viewer.canvas import SlideCanvas, ViewState
from viewer.canvas.camera import ROTATION_DECIMALS
from viewer.state.slide_link import Similarity


class TwoViews(QObject):
    """Whichever view is moved leads; the other's place follows from the leader's alone.

    The place is computed anew each time and never added up, so the views cannot drift apart.
    """

    def __init__(self, here: SlideCanvas, there: SlideCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self._link: Similarity | None = None
        self._leading = False  # one of the views is being moved by the other
        self._here, self._there = here, there
        here.view_changed.connect(lambda state: self._follow(here, state))
        there.view_changed.connect(lambda state: self._follow(there, state))
        here.cursor_moved.connect(lambda x, y: self._point(here, x, y))
        there.cursor_moved.connect(lambda x, y: self._point(there, x, y))

    def link(self, link: Similarity | None) -> None:
        """From the first slide to the second; the second view goes to the first one's place."""
        if link == self._link:
            return
        self._link = link
        if link is not None:
            self._follow(self._here, self._here.view_state())
        for canvas in (self._here, self._there):
            canvas.point_at(None)

    def _to_other(self, leader: SlideCanvas) -> Similarity | None:
        if self._link is None:
            return None
        return self._link if leader is self._here else self._link.inverse

    def _other(self, leader: SlideCanvas) -> SlideCanvas:
        return self._there if leader is self._here else self._here

    def _follow(self, leader: SlideCanvas, state: ViewState) -> None:
        to = self._to_other(leader)
        if to is None or self._leading:
            return
        self._leading = True
        self._other(leader).set_view_state(seen_through(to, state))
        self._leading = False

    def _point(self, leader: SlideCanvas, x: float, y: float) -> None:
        to = self._to_other(leader)
        nowhere = to is None or math.isnan(x)
        self._other(leader).point_at(None if nowhere or to is None else to.at(x, y))


def seen_through(to: Similarity, state: ViewState) -> ViewState:
    """The view of the second slide that shows what a view of the first shows."""
    x, y = to.at(state.center_x, state.center_y)
    turned = round((state.rotation - math.degrees(to.turn)) % 360.0, ROTATION_DECIMALS) % 360.0
    return ViewState(x, y, state.downsample * to.scale, turned)
