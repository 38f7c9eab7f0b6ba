"""Base of the tools that add an area to a region, or take one from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QPainter

from ssmamba.rois.roi import Roi
from viewer.canvas.base import CanvasBase
from viewer.canvas.layers.roi_shape import RoiShape, paint_outline
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.canvas.view import View
from viewer.text.tr import tr

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

LIVE_CORNERS = 6000  # of a region that is shown as it will be; else beside what is added to it


class AreaTool(Tool):
    """Draws an area, then joins it with the selected region that it touches.

    With Alt or the right button it is taken away. Where no region is selected, or a new area does
    not touch it, a new region is made; with Shift it joins the selected one anyway.
    """

    takes_right = True

    def __init__(self, canvas: CanvasBase) -> None:
        super().__init__(canvas)
        self._target: Roi | None = None
        self._base: BaseGeometry | None = None  # area of the target, or an empty one
        self._drawn: BaseGeometry | None = None  # what was drawn so far
        self._erases = False
        self._shapes: list[RoiShape] = []  # to be painted

    @property
    def is_busy(self) -> bool:
        return self._base is not None

    def cancel(self) -> None:
        if self._target is not None:
            self.scene.rois.lifted = frozenset()
        self._target = self._base = self._drawn = None
        self._shapes = []

    def selection_changed(self) -> None:
        self.cancel()

    def begin(self, at: Cursor, start: BaseGeometry) -> bool:
        """Choose the region that is changed; False where there is nothing to erase from."""
        from ssmamba.rois.geometry import roi_shape  # loads slowly

        self._erases = at.right or at.alt
        selected = self.selected
        if selected is not None and (selected.locked or not selected.has_area):
            selected = None
        if self._erases and selected is None:
            hit = self.scene.rois.get(self.scene.roi_at(*at.point))
            selected = hit if hit is not None and hit.has_area and not hit.locked else None
            if selected is None:
                self.canvas.hint.emit(tr("Select the region from which to erase."))
                return False
        base: Any = None if selected is None else roi_shape(selected)
        if base is not None and not self._erases and not at.shift and not base.intersects(start):
            selected = None
        import shapely

        self._target = selected
        self._base = shapely.Polygon() if selected is None else base
        return True

    def draw(self, area: BaseGeometry) -> None:
        """Show what the region would be with an area, in place of what was drawn before."""
        from ssmamba.rois.combining import corner_count, polygons_from

        self._drawn = area
        target = self._target
        if target is not None and corner_count(target) > LIVE_CORNERS:
            new = polygons_from(area)
            self._shapes = [RoiShape(replace(target, polygons=new, kind="polygon"))] if new else []
            return
        polygons = polygons_from(self._combined())
        shown = Roi(polygons) if target is None else replace(target, polygons=polygons)
        self._shapes = [RoiShape(replace(shown, kind="polygon"))] if polygons else []
        if target is not None:
            self.scene.rois.lifted = frozenset({target.id})

    def end(self) -> None:
        """Change the region, or make a new one; one that is erased as a whole is deleted."""
        from ssmamba.rois.combining import polygons_from

        if self._base is None or self._drawn is None:
            self.cancel()
            return
        target, polygons = self._target, polygons_from(self._combined())
        self.cancel()
        if target is None:
            if polygons:
                self.make(Roi(polygons))
        elif not polygons:
            self.canvas.rois_delete_requested.emit([target.id])
        elif polygons != target.polygons:
            self.edit(replace(target, polygons=polygons, kind="polygon"))

    def paint(self, painter: QPainter, view: View, dpr: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for shape in self._shapes:
            paint_outline(painter, view, dpr, shape, strong=True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _combined(self) -> BaseGeometry:
        assert self._base is not None and self._drawn is not None
        if self._erases:
            return self._base.difference(self._drawn)
        return self._base.union(self._drawn)
