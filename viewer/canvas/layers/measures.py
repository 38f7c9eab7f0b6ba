"""Rulers and angles on the slide: ticks at the ends, the arc, and what they measure."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainterPath

from ssmamba.rois.measures import angle_of, length_of
from ssmamba.rois.roi import Roi
from viewer.canvas.view import View
from viewer.text import formats

TICK_PX = 6.0  # half a tick, logical pixels
ARC_PX = 26.0  # radius of an angle's arc, logical pixels


def measured_text(roi: Roi, mpp: float | None) -> str:
    """ "123 µm" of a ruler, "37.2°" of an angle; empty for anything else."""
    if roi.kind == "ruler":
        return formats.exact_length(length_of(roi), mpp)
    return formats.degrees(angle_of(roi)) if roi.kind == "angle" else ""


def extra_path(roi: Roi, view: View, dpr: float) -> QPainterPath:
    """What a ruler or an angle has beside its line, device pixels."""
    path = QPainterPath()
    places = [view.to_screen(x, y) for x, y in roi.polygons[0][0]]
    if roi.kind == "ruler" and len(places) == 2:
        line = QLineF(places[0], places[1])
        normal = line.normalVector().unitVector()
        across = QPointF(normal.dx(), normal.dy()) * TICK_PX * dpr
        for end in places:
            path.moveTo(end - across)
            path.lineTo(end + across)
    elif roi.kind == "angle" and len(places) == 3:
        corner = places[1]
        arms = [QLineF(corner, end) for end in (places[0], places[2])]
        radius = min(ARC_PX * dpr, *(0.6 * arm.length() for arm in arms))
        box = QRectF(corner.x() - radius, corner.y() - radius, 2 * radius, 2 * radius)
        sweep = math.remainder(arms[1].angle() - arms[0].angle(), 360.0)
        path.arcMoveTo(box, arms[0].angle())
        path.arcTo(box, arms[0].angle(), sweep)
    return path


def label_box(roi: Roi, view: View) -> QRectF:
    """Where the measure belongs: the middle of a ruler, the corner of an angle; device pixels."""
    places = [view.to_screen(x, y) for x, y in roi.polygons[0][0]]
    middle = (places[0] + places[-1]) / 2 if roi.kind == "ruler" else places[len(places) // 2]
    return QRectF(middle.x() - 24, middle.y() - 8, 48, 16)
