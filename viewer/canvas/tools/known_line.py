"""A line of known length, which says how large a pixel is."""

from __future__ import annotations

from ssmamba.rois.measures import length_of
from ssmamba.rois.roi import Roi
from viewer.canvas.base import CanvasBase
from viewer.canvas.tools.measuring import MeasuringTool
from viewer.canvas.tools.tool import Cursor
from viewer.text.tr import tr


class KnownLine(MeasuringTool):
    """Stays until another is drawn, or its length is said; it is no region."""

    id = "known-line"
    text = tr("Line of known length")

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self._line: Roi | None = None

    def press(self, at: Cursor) -> bool:
        self._line = None
        return super().press(at)

    def cancel(self) -> None:
        super().cancel()
        self._line = None

    def make(self, roi: Roi) -> None:
        self._line = roi
        self.canvas.line_drawn.emit(length_of(roi))

    def shown(self) -> Roi | None:
        return super().shown() or self._line
