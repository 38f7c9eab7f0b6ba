"""Panning the slide and selecting ROIs."""

from __future__ import annotations

from PySide6.QtCore import Qt

from viewer.canvas.tools.tool import Cursor
from viewer.canvas.tools.vertex_drag import VertexDrag
from viewer.text.tr import tr


class Select(VertexDrag):
    """Drag the slide, click an ROI, drag the vertices of the selected one.

    A press beside a vertex is left to the canvas, which pans and selects with every tool.
    """

    id = "pan"
    text = tr("Move")
    icon = "pan"
    keys = "H"
    tip = tr("Pan the slide and select regions")
    cursor = Qt.CursorShape.ArrowCursor
    hovers = True

    def double_click(self, at: Cursor) -> None:
        self.canvas.camera.zoom_at(1.0, self.canvas.camera.view.to_screen(*at.point))
