"""Picking the place that is shown as white."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt

from viewer.canvas.pixels import Pixels
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.text.tr import tr

RADIUS_PX = 4.0  # of what is averaged, logical screen pixels
DARKEST = 64  # a darker place is no glass


class White(Tool):
    """Click glass on the slide; its colour, as the slide has it, becomes white in the view."""

    id = "white"
    text = tr("White place")
    gestures = ((tr("Click, Return"), tr("Take the white place under the pointer, or the middle")),)

    def press(self, at: Cursor) -> bool:
        self._pick(at)
        return True

    def key(self, key: Qt.Key) -> bool:
        if key not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return False
        state = self.canvas.camera.state
        self._pick(Cursor(state.center_x, state.center_y, self.scene.px))
        return True

    def _pick(self, at: Cursor) -> None:
        self.read_pixels(at.around(RADIUS_PX), self._take)

    def _take(self, found: Pixels) -> None:
        if not found.rgb.size:
            self.canvas.hint.emit(tr("That is outside the slide. Click a place of bare glass."))
            return
        rgb = np.rint(found.rgb.reshape(-1, 3).mean(0)).astype(int)
        if rgb.min() < DARKEST:
            self.canvas.hint.emit(tr("That is too dark for white. Click a place of bare glass."))
        else:
            self.canvas.white_picked.emit(tuple(rgb.tolist()))
