"""Fast painting of very many ROIs: dots as raw pixels, hairlines as one path per colour."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from viewer.canvas.view import View

DOT_PX = 3  # side of a dot, logical pixels
DOT_EDGE = 0x90000000  # dark and half transparent, ARGB


def paint_dots(
    painter: QPainter, centers: np.ndarray, colors: np.ndarray, view: View, dpr: float
) -> None:
    """Paint dots with a dark edge.

    ``centers`` (N, 2) float, level-0 pixels; ``colors`` (N,) uint32 ARGB.
    """
    if len(centers) == 0:
        return
    pixels = np.zeros((view.height, view.width), np.uint32)
    places = np.floor(centers * view.scale + view.origin).astype(np.int64)  # (x, y)
    inner = max(1, round(DOT_PX * dpr) // 2)
    for radius, values in ((inner + 1, np.full(len(places), DOT_EDGE, np.uint32)), (inner, colors)):
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                x, y = places[:, 0] + dx, places[:, 1] + dy
                seen = (x >= 0) & (x < view.width) & (y >= 0) & (y < view.height)
                pixels[y[seen], x[seen]] = values[seen]
    image = QImage(
        pixels.data,  # type: ignore[arg-type]
        view.width,
        view.height,
        4 * view.width,
        QImage.Format.Format_ARGB32,
    )
    painter.drawImage(0, 0, image)


def paint_outlines(
    painter: QPainter, rings: Sequence[np.ndarray], rgb: int, view: View, dpr: float
) -> None:
    """Paint outlines as hairlines of one colour; each is (N, 2) level-0 pixels, N ≥ 1."""
    points = np.concatenate(rings) * view.scale + view.origin
    starts = np.cumsum([0, *(len(ring) for ring in rings[:-1])])
    painter.setPen(QPen(QColor(rgb), max(1.0, dpr)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(polylines(points, starts))


def polylines(
    points: np.ndarray, starts: np.ndarray, fill_rule: Qt.FillRule = Qt.FillRule.WindingFill
) -> QPainterPath:
    """Polylines as one path, through Qt's serialisation (a call for each point is slow).

    ``points`` (N, 2) of all lines together, ``starts`` the index of the first point of each.
    """
    elements = np.empty(len(points), [("type", ">i4"), ("x", ">f8"), ("y", ">f8")])
    elements["type"] = 1  # line to
    elements["type"][starts] = 0  # move to
    elements["x"], elements["y"] = points.T
    data = struct.pack(">i", len(points)) + elements.tobytes()
    data += struct.pack(">ii", int(starts[-1]), fill_rule.value)
    path = QPainterPath()
    stream = QDataStream(QByteArray(data))
    stream >> path  # type: ignore[operator]
    return path
