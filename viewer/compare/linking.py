"""Canvases that look at one place: moving one moves all."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from viewer.canvas import SlideCanvas, ViewState
from viewer.compare.canvas import CellCanvas
from viewer.state.document import Document

FIT_MARGIN = 0.12


class LinkedViews(QObject):
    """The views of the comparison, and the slide's while they follow it.

    They always have the slide's rotation, and it theirs.
    """

    pointed = Signal(float, float)  # at a place, level-0 px; NaN, NaN: at none

    def __init__(self, document: Document, source: SlideCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._source = source
        self._linking = False
        self._canvases: list[CellCanvas] = []
        self.follows_slide = False
        self.moved = False  # by the user, since a region was last fitted in
        source.view_changed.connect(self._on_slide_moved)
        source.cursor_moved.connect(self.pointed)

    def add(self, canvas: CellCanvas) -> None:
        """It takes over the place that the others look at."""
        if self._canvases:
            canvas.set_view_state(self._canvases[0].view_state())
        else:
            canvas.camera.turn_to(self._source.view_state().rotation)
        self._canvases.append(canvas)
        canvas.view_changed.connect(lambda state, canvas=canvas: self._on_moved(canvas, state))
        canvas.cursor_moved.connect(self.pointed)

    def remove(self, canvas: CellCanvas) -> None:
        self._canvases.remove(canvas)

    def set_follow_slide(self, follow: bool) -> None:
        self.follows_slide = follow
        if follow:
            self._on_slide_moved(self._source.view_state())

    def fit(self, leader: CellCanvas) -> None:
        """Show the selected region, else the whole slide, as it fits into one of the canvases."""
        self.moved = False
        self._linking = True
        dpr = leader.devicePixelRatioF()  # it may not have been painted at its new size
        leader.camera.set_screen(round(leader.width() * dpr), round(leader.height() * dpr))
        roi = self._document.selected
        if roi is None:
            leader.camera.fit()
        else:
            leader.camera.fit_rect(roi.bounds, margin=FIT_MARGIN)
        self._linking = False
        self._link(leader.view_state(), besides=leader)

    def _on_moved(self, mover: CellCanvas, state: ViewState) -> None:
        if self._linking or not mover.isVisible():
            return
        self.moved = self.moved or not mover.camera.fits
        self._link(state, besides=mover)
        self._linking = True
        if self.follows_slide:
            self._source.set_view_state(state)
        else:
            self._source.camera.turn_to(state.rotation)
        self._linking = False

    def _on_slide_moved(self, state: ViewState) -> None:
        if self._linking:
            return
        if self.follows_slide:
            self._link(state)
        elif self._canvases and self._canvases[0].view_state().rotation != state.rotation:
            self._linking = True
            for canvas in self._canvases:
                canvas.camera.turn_to(state.rotation)
            self._linking = False

    def _link(self, state: ViewState, besides: CellCanvas | None = None) -> None:
        self._linking = True
        for canvas in self._canvases:
            if canvas is not besides:
                canvas.set_view_state(state)
        self._linking = False
