"""Dragging one vertex of the selected region."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from ssmamba.rois.roi import Roi
from viewer.canvas.scene import Scene
from viewer.canvas.tools.shapes import Outcome, Slip
from viewer.canvas.tools.vertices import Vertex, is_editable, made_valid, moved, vertex_at


class VertexDrag:
    """The region itself stays as it is until the drag has ended."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._vertex: Vertex | None = None
        self.edited: Roi | None = None  # the region as it looks during the drag

    @property
    def is_active(self) -> bool:
        return self._vertex is not None

    def vertex_at(self, at: QPointF) -> Vertex | None:
        """The vertex under a device pixel, if the selected region may be edited."""
        roi = self._selected()
        if roi is None or not is_editable(roi):
            return None
        return vertex_at(roi, self._scene.camera.view, at.x(), at.y(), self._scene.dpr)

    def begin(self, at: QPointF) -> bool:
        """Take the vertex under a device pixel; False when there is none."""
        self._vertex = self.vertex_at(at)
        return self._vertex is not None

    def move(self, x: float, y: float) -> None:
        """Drag to a place, level-0 pixels."""
        roi = self._selected()
        if roi is not None and self._vertex is not None:
            self.edited = moved(roi, self._vertex, (round(x, 2), round(y, 2)))
            self._scene.rois.hidden = roi.id

    def end(self) -> Outcome:
        """The edited region, why there is none, or None when nothing was moved."""
        edited = self.edited
        self.cancel()
        if edited is None:
            return None
        return made_valid(edited) or Slip("No area would be left; the region stays as it was.")

    def cancel(self) -> None:
        self._vertex = self.edited = None
        self._scene.rois.hidden = None

    def _selected(self) -> Roi | None:
        return self._scene.rois.get(self._scene.rois.selected)
