"""Marking and counting places."""

from __future__ import annotations

from dataclasses import replace

from ssmamba.rois.roi import Ring, Roi
from viewer.canvas.tools.tool import Cursor, Tool
from viewer.text.tr import tr

NEAR_PX = 9.0  # within which Alt + click takes a point away, logical screen pixels


class PointTool(Tool):
    """Click places: the first makes a region of points, the next ones join it."""

    id = "point"
    text = tr("Points")
    icon = "point"
    keys = "."
    tip = tr("Mark and count places by clicking them")
    gestures = (
        (tr("Shift + click with the point tool"), tr("Begin another group of points")),
        (tr("Alt + click or right-click on a point"), tr("Take the point away")),
    )
    takes_right = True

    def press(self, at: Cursor) -> bool:
        group = self._group()
        if at.right or at.alt:
            self._take_away(at, group)
        elif group is None or at.shift:
            self.make(Roi((((_place(at),),),), kind="point"))
        elif self.is_on_slide(Roi((((_place(at),),),), kind="point")):
            self.edit(_with_points(group, (*group.polygons[0][0], _place(at))))
        return True

    def _group(self) -> Roi | None:
        """The selected points, which the next click joins."""
        roi = self.selected
        return roi if roi is not None and roi.kind == "point" and not roi.locked else None

    def _take_away(self, at: Cursor, group: Roi | None) -> None:
        near = [p for p in (group.polygons[0][0] if group else ()) if at.distance_px(p) <= NEAR_PX]
        if group is None or not near:
            self.canvas.hint.emit(tr("There is no point of the selected group here."))
            return
        gone = min(near, key=at.distance_px)
        left = tuple(p for p in group.polygons[0][0] if p != gone)
        if left:
            self.edit(_with_points(group, left))
        else:
            self.canvas.rois_delete_requested.emit([group.id])


def _place(at: Cursor) -> tuple[float, float]:
    return round(at.x, 2), round(at.y, 2)


def _with_points(roi: Roi, points: Ring) -> Roi:
    return replace(roi, polygons=((points,),))
