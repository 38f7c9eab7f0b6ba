"""Fast painting of very many ROIs: dots and hairlines as raw pixels."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from viewer.canvas.view import View

DOT_PX = 3  # side of a dot, logical pixels
MOST_PIXELS = 2_000_000  # of all hairlines together
DOT_EDGE = 0x90000000  # dark and half transparent, ARGB


def paint_dots(
    painter: QPainter, centers: np.ndarray, colors: np.ndarray, view: View, dpr: float
) -> None:
    """Paint dots with a dark edge.

    ``centers`` (N, 2) float, level-0 pixels; ``colors`` (N,) uint32 ARGB.
    """
    if len(centers) == 0:
        return
    inner = max(1, round(DOT_PX * dpr) // 2)
    edge = inner + 1
    pad = 2 * edge  # around the picture, so that no dot needs to be cut
    width, height = view.width + 2 * pad, view.height + 2 * pad
    pixels = np.zeros(width * height, np.uint32)
    places = np.floor(view.on_screen(centers)).astype(np.int64) + pad  # (x, y)
    seen = ((places >= edge) & (places < (width - edge, height - edge))).all(axis=1)
    at, colors = places[seen, 1] * width + places[seen, 0], colors[seen]
    steps = range(-edge, edge + 1)
    around = sorted(
        (max(abs(dx), abs(dy)) <= inner, dy * width + dx) for dy in steps for dx in steps
    )
    for is_inner, step in around:  # every edge before any dot
        pixels[at + step] = colors if is_inner else DOT_EDGE
    image = _image(pixels.reshape(height, width))
    painter.drawImage(-pad, -pad, image)


def paint_outlines(
    painter: QPainter, rings: Sequence[np.ndarray], colors: np.ndarray, view: View, dpr: float
) -> None:
    """Paint outlines as hairlines, later ones above; each is (N, 2) level-0 pixels, N ≥ 1.

    ``colors`` (rings,) uint32 ARGB. Thousands of them are set as pixels: stroking a path of 200,000
    corners takes Qt ten times as long.
    """
    if not rings:
        return
    points = view.on_screen(np.concatenate(rings))
    lengths = np.array([len(ring) for ring in rings])
    starts = np.cumsum(lengths) - lengths
    low, high = np.minimum(points[:-1], points[1:]), np.maximum(points[:-1], points[1:])
    on_screen = (high >= 0) & (low < (view.width, view.height))
    seen = on_screen[:, 0] & on_screen[:, 1]
    seen[starts[1:] - 1] = False  # from one ring to the next
    steps = np.ceil(np.abs(np.diff(points, axis=0)).max(axis=1)).astype(np.int64) + 1
    owner = np.repeat(np.arange(len(rings)), lengths)[:-1]
    if steps[seen].sum() > MOST_PIXELS:  # long lines, most of each beside the screen
        for color in np.unique(colors):
            of_color = [r for r, c in zip(rings, colors, strict=True) if c == color]
            _stroke(painter, of_color, int(color), view, dpr)
        return
    pixels = np.zeros((view.height, view.width), np.uint32)
    x, y, values = _on_lines(points, seen, steps, colors[owner])
    wide = range(max(1, round(dpr)))
    for dx in wide:
        for dy in wide:
            inside = (x + dx >= 0) & (x + dx < view.width) & (y + dy >= 0) & (y + dy < view.height)
            pixels[y[inside] + dy, x[inside] + dx] = values[inside]
    painter.drawImage(0, 0, _image(pixels))


def _on_lines(
    points: np.ndarray, seen: np.ndarray, steps: np.ndarray, colors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and colour of each pixel on the lines from a point to the next one that are ``seen``."""
    begin, along = points[:-1][seen], np.diff(points, axis=0)[seen]
    steps = steps[seen]
    number = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
    share = (number / np.repeat(steps, steps))[:, None]
    places = np.floor(np.repeat(begin, steps, axis=0) + share * np.repeat(along, steps, axis=0))
    x, y = places.astype(np.int64).T
    return x, y, np.repeat(colors[seen], steps)


def _stroke(
    painter: QPainter, rings: Sequence[np.ndarray], color: int, view: View, dpr: float
) -> None:
    points = view.on_screen(np.concatenate(rings))
    starts = np.cumsum([0, *(len(ring) for ring in rings[:-1])])
    painter.setPen(QPen(QColor(color), max(1.0, dpr)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(polylines(points, starts))


def _image(pixels: np.ndarray) -> QImage:
    """(height, width) uint32 ARGB as an image that shares its memory."""
    height, width = pixels.shape
    argb = QImage.Format.Format_ARGB32
    return QImage(pixels.data, width, height, 4 * width, argb)  # type: ignore[arg-type]


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
