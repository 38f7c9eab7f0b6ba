"""Regions of like colour around a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt

from viewer.canvas.base import CanvasBase
from viewer.canvas.pixels import Pixels
from viewer.canvas.tools.area_tool import AreaTool
from viewer.canvas.tools.tool import Cursor
from viewer.canvas.view import View
from viewer.text.tr import tr

if TYPE_CHECKING:
    from ssmamba.rois.likeness import Likeness

TOLERANCE = 12.0  # at first: distance in CIELAB
LEAST, MOST = 2.0, 100.0
PER_PX = 0.15  # more for each logical screen pixel that the mouse is dragged away
GROWTH = 1.12  # for one notch of the wheel
STEPS = {Qt.Key.Key_BracketLeft: -1.0, Qt.Key.Key_BracketRight: 1.0}


class Wand(AreaTool):
    """Press on tissue: what is alike and in view is the region; drag away for more of it."""

    id = "wand"
    text = tr("Wand")
    icon = "wand"
    keys = "A"
    tip = tr("Make a region of like colour; drag for more of it")
    gestures = ((tr("Drag with the wand"), tr("Take in less and less alike colours")),)

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self.tolerance = TOLERANCE
        self._start: Cursor | None = None
        self._at: Cursor | None = None
        self._likeness: Likeness | None = None
        self._picture: tuple[float, float, float] = (1.0, 0.0, 0.0)  # scale, left, top; level 0
        self._view: View | None = None  # in which the button was pressed
        self._released = False  # before the pixels were there

    @property
    def is_busy(self) -> bool:
        return self._start is not None

    def press(self, at: Cursor) -> bool:
        from shapely import Point as Place

        if self.begin(at, Place(at.point)):
            self._start = self._at = at
            self._view = self.scene.camera.view
            self.read_pixels(self._view.rect, self._on_pixels)
        return True

    def move(self, at: Cursor) -> None:
        if self._start is not None:
            self._at = at
            self._grow()

    def release(self, at: Cursor) -> None:
        if self._start is None:
            return
        if self._likeness is None:
            self._released = True  # ends when the pixels come
        else:
            self._finish()

    def cancel(self) -> None:
        super().cancel()
        self._start = self._at = self._likeness = None
        self._released = False

    def wheel(self, at: Cursor, steps: float) -> bool:
        self._change(steps)
        return True

    def key(self, key: Qt.Key) -> bool:
        if key not in STEPS:
            return False
        self._change(STEPS[key])
        return True

    def _change(self, steps: float) -> None:
        self.tolerance = min(max(self.tolerance * GROWTH**steps, LEAST), MOST)
        text = tr("The wand takes in colours up to a distance of {number}.")
        self.canvas.hint.emit(text.format(number=round(self.tolerance)))
        self._grow()

    def _on_pixels(self, pixels: Pixels) -> None:
        if self._start is None:
            return
        height, width = pixels.rgb.shape[:2]
        x = int((self._start.x - pixels.x) / pixels.downsample)
        y = int((self._start.y - pixels.y) / pixels.downsample)
        if not (0 <= x < width and 0 <= y < height):
            self.cancel()
            self.canvas.hint.emit(tr("The wand works on the slide. Press on the tissue."))
            return
        from ssmamba.rois.likeness import Likeness  # OpenCV loads slowly

        self._likeness = Likeness(pixels.rgb, x, y)
        if self._view is not None and self._view.is_oblique:  # more than the view was read
            corners = np.array(self._view.corners) - (pixels.x, pixels.y)
            self._likeness.keep_within(corners / pixels.downsample)
        self._picture = pixels.downsample, pixels.x, pixels.y
        self._grow()
        if self._released:
            self._finish()
        self.canvas.update()

    def _grow(self) -> None:
        if self._likeness is None or self._start is None or self._at is None:
            return
        dragged = self._at.distance_px(self._start.point)
        tolerance = min(self.tolerance + PER_PX * dragged, MOST)
        self.draw(self._likeness.area(tolerance, *self._picture))

    def _finish(self) -> None:
        if self._drawn is None or self._drawn.is_empty:
            self.cancel()
            text = tr("Nothing alike is connected here. Drag away from the place for more.")
            self.canvas.hint.emit(text)
        else:
            self.end()
