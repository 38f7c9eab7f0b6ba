"""Dragging whole ROIs."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QPainter

from ssmamba.rois.outlines import shifted
from ssmamba.rois.roi import Point, Roi
from viewer.canvas.layers.roi_shape import paint_outline
from viewer.canvas.scene import Scene
from viewer.canvas.tools.tool import Cursor
from viewer.canvas.view import View


class RegionDrag:
    """Moves the selected ROIs that are not locked; they themselves change at the end only."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._start: Point | None = None
        self._by: Point = (0.0, 0.0)  # level-0 pixels
        self._moved: list[Roi] = []  # those that are dragged, from the first move on

    @property
    def is_busy(self) -> bool:
        return self._start is not None

    def press(self, at: Cursor) -> bool:
        """Grab the selected ROIs if one of them is here.

        One that covers all of the view is not grabbed: there the slide is meant.
        """
        rois = self._scene.rois
        hit = rois.shape(self._scene.roi_at(*at.point))
        if hit is None or hit.roi.id not in rois.chosen or hit.roi.locked:
            return False
        left, top, right, bottom = self._scene.camera.view.rect
        x0, y0, x1, y1 = hit.bounds
        if x0 <= left and y0 <= top and x1 >= right and y1 >= bottom:
            return False
        self._start, self._by = at.point, (0.0, 0.0)
        return True

    def move(self, at: Cursor) -> None:
        if self._start is not None:
            self._by = at.x - self._start[0], at.y - self._start[1]
            if not self._moved:
                self._moved = [r for r in self._scene.rois.chosen_rois() if not r.locked]
                self._scene.rois.lifted = frozenset(roi.id for roi in self._moved)

    def release(self) -> list[Roi]:
        """The moved ROIs."""
        moved = [shifted(roi, *self._by) for roi in self._moved]
        self.cancel()
        return moved

    def cancel(self) -> None:
        if self._start is not None:
            self._start, self._moved = None, []
            self._scene.rois.lifted = frozenset()

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        """The ROIs where they would be: seen by a view that moved the other way."""
        if not self._moved:
            return
        x, y = view.state.center_x - self._by[0], view.state.center_y - self._by[1]
        beside = replace(view, state=replace(view.state, center_x=x, center_y=y))
        left, top, right, bottom = beside.rect
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for roi in self._moved:
            shape = self._scene.rois.shape(roi.id)
            if shape is None:
                continue
            x0, y0, x1, y1 = shape.bounds
            if x0 < right and x1 > left and y0 < bottom and y1 > top:
                paint_outline(painter, beside, dpr, shape, strong=True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
