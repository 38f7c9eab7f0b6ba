"""Drawing ellipses and circles."""

from __future__ import annotations

from ssmamba.rois.outlines import ellipse_ring
from viewer.canvas.tools.rectangle import Rectangle
from viewer.canvas.tools.tool import Cursor
from viewer.text.tr import tr


class Ellipse(Rectangle):
    """Drag from corner to corner of the box around it; Shift makes a circle."""

    id = "ellipse"
    text = tr("Ellipse")
    icon = "ellipse"
    keys = "O"
    tip = tr("Draw an ellipse")
    hint = tr("Hold the mouse button and drag across the tissue.")
    gestures = ((tr("Shift + drag with the ellipse tool"), tr("Draw a circle")),)
    kind = "ellipse"

    def move(self, at: Cursor) -> None:
        super().move(at)
        if self.path:
            self.path = list(ellipse_ring(self.path[0], self.path[2]))
