"""Has the user mark the same place on two slides."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from ssmamba.rois.roi import Point
from viewer.canvas import SlideCanvas
from viewer.canvas.tools.landmark import Landmark
from viewer.state.slide_link import Pair


class Landmarks(QObject):
    """One pair of places at a time: first on either slide, then on the other."""

    paired = Signal(object)  # Pair
    changed = Signal()  # begun, one place marked, given up

    def __init__(self, here: SlideCanvas, there: SlideCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self._canvases = (here, there)
        self._tools_before = [canvas.tool() for canvas in self._canvases]
        self._marked: list[Point | None] = [None, None]
        self.active = False
        for side, canvas in enumerate(self._canvases):
            canvas.place_picked.connect(lambda x, y, side=side: self._on_picked(side, (x, y)))
            canvas.tool_changed.connect(lambda _: self._on_tool())

    @property
    def has_one(self) -> bool:
        """Whether one of the two places is marked."""
        return any(place is not None for place in self._marked)

    def begin(self, pairs: Sequence[Pair]) -> None:
        """Ask for a pair; those that are there are shown meanwhile."""
        if self.active:
            return
        self._marked = [None, None]
        self._tools_before = [canvas.tool() for canvas in self._canvases]
        shown = [pair.here for pair in pairs], [pair.there for pair in pairs]
        for canvas, places in zip(self._canvases, shown, strict=True):
            canvas.landmark.places, canvas.landmark.new = places, None
            canvas.set_tool(Landmark.id)
        self.active = True
        self.changed.emit()

    def stop(self) -> None:
        """Give up."""
        if not self.active:
            return
        self.active = False
        for canvas, tool in zip(self._canvases, self._tools_before, strict=True):
            if canvas.tool() == Landmark.id:
                canvas.set_tool(tool)
        self.changed.emit()

    def _on_tool(self) -> None:
        if self.active and any(canvas.tool() != Landmark.id for canvas in self._canvases):
            self.stop()

    def _on_picked(self, side: int, place: Point) -> None:
        self._marked[side] = place
        canvas = self._canvases[side]
        canvas.landmark.new = place
        canvas.update()
        here, there = self._marked
        if here is None or there is None:
            self._canvases[1 - side].setFocus()  # for Return
            self.changed.emit()
            return
        self.stop()
        self.paired.emit(Pair(here, there))
