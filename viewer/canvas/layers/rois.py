"""Paints ROIs crisply at any zoom, and finds the one at a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF, QPainter

from ssmamba.rois.roi import Roi
from viewer.canvas.layers.crowd import Crowd
from viewer.canvas.layers.labels import label_font, paint_label, place_label
from viewer.canvas.layers.measures import label_box, measured_text
from viewer.canvas.layers.roi_shape import POINT_RADIUS_PX, RoiShape, paint_outline
from viewer.canvas.layers.roi_table import RoiTable, slices
from viewer.canvas.layers.small_rois import paint_dots, paint_outlines
from viewer.canvas.view import View

DOT_BELOW_PX = 4.0  # smaller ROIs are dots
LABEL_FROM_PX = 36.0  # narrower ROIs show no name
MAX_LABELS = 80
MAX_HALOS = 60  # with more ROIs on the screen, none has a halo
MAX_OUTLINES = 200  # with more areas on the screen, all are hairlines


class RoiLayer:
    """The ROIs of one canvas."""

    def __init__(self) -> None:
        self._list: list[RoiShape] = []
        self._table = RoiTable()
        self._coming: Iterator[RoiTable | None] | None = None  # the next one
        self._hidden_ids: frozenset[str] = frozenset()
        self._version = 0  # of the ROIs
        self._crowd = Crowd()
        self._number: dict[str, int] = {}  # in _list, by id
        self.selected: str | None = None  # the one whose results are shown
        self.chosen: frozenset[str] = frozenset()  # all that are selected
        self.hovered: str | None = None
        self.lifted: frozenset[str] = frozenset()  # ROIs being edited, which a tool paints
        self.labels: dict[str, QRectF] = {}  # by id: where names stand now, device pixels

    def set_rois(self, rois: Sequence[Roi]) -> None:
        """Show these; where very many are new, after some calls of ``go_on``."""
        self._coming = slices(self._table, rois, self.shape)
        self.go_on()

    @property
    def is_complete(self) -> bool:
        """Whether all ROIs that were set are shown; else ``go_on`` has to be called."""
        return self._coming is None

    def go_on(self) -> None:
        """Look at some more of the ROIs that were set; those before are shown until then."""
        table = None if self._coming is None else next(self._coming)
        if table is None:
            return
        self._coming = None
        self._table, self._list = table, table.shapes
        self._number = dict(zip(table.ids, range(len(table.ids)), strict=True))
        hidden = np.flatnonzero(table.is_hidden)
        self._hidden_ids = frozenset(self._list[i].roi.id for i in hidden)
        self._version += 1

    def _shown(self) -> np.ndarray:
        """Which ROIs are there to see, (N,) bool: those not hidden, and those selected."""
        shown = ~self._table.is_hidden
        shown[[self._number[i] for i in self.chosen if i in self._number]] = True
        return shown

    def shape(self, roi_id: str | None) -> RoiShape | None:
        at = None if roi_id is None else self._number.get(roi_id)
        return None if at is None else self._list[at]

    def chosen_rois(self) -> list[Roi]:
        """The selected ROIs, from the bottom up."""
        numbers = sorted(self._number[i] for i in self.chosen if i in self._number)
        return [self._list[at].roi for at in numbers]

    def within(self, box: QRectF, view: View) -> list[str]:
        """Ids of the ROIs that lie in a rectangle of the screen as a whole, hidden ones left out.

        box: device pixels.
        """
        left, top, right, bottom = box.left(), box.top(), box.right(), box.bottom()

        def held(places: np.ndarray) -> np.ndarray:
            x, y = view.on_screen(places).T
            inside: np.ndarray = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
            return inside

        b = self._table.bounds
        near = np.flatnonzero(self._shown() & held((b[:, :2] + b[:, 2:]) / 2))
        corners = [held(b[near][:, ends]) for ends in ((0, 1), (2, 1), (2, 3), (0, 3))]
        inside = np.all(corners, axis=0)
        if view.is_oblique:  # an outline may lie in the box where its bounds do not
            for at in np.flatnonzero(~inside).tolist():
                rings = (ring for part in self._list[near[at]].parts for ring in part)
                inside[at] = all(held(ring).all() for ring in rings)
        return [self._list[i].roi.id for i in near[inside]]

    def get(self, roi_id: str | None) -> Roi | None:
        shape = self.shape(roi_id)
        return None if shape is None else shape.roi

    def at(self, x: float, y: float, tolerance: float) -> str | None:
        """Id of the ROI at a point (all level-0 px); the smallest when several overlap."""
        b = self._table.bounds
        near = (
            (b[:, 0] - tolerance <= x)
            & (x <= b[:, 2] + tolerance)
            & (b[:, 1] - tolerance <= y)
            & (y <= b[:, 3] + tolerance)
            & self._shown()
        )
        shapes = [self._list[i] for i in np.flatnonzero(near)]
        hits = [(_box_area(s), s.roi.id) for s in shapes if s.contains(x, y, tolerance)]
        return min(hits)[1] if hits else None

    @property
    def is_whole(self) -> bool:
        """Whether the last frame had everything; else another one is needed."""
        return self._crowd.is_whole

    def paint(self, painter: QPainter, view: View, dpr: float, mpp: float | None = None) -> None:
        """``mpp``: µm per level-0 pixel, for the lengths of rulers."""
        self._crowd.is_whole = True
        if not self._list:
            return
        on_screen, is_dot = self._in_view(view, dpr)
        larger = on_screen & ~is_dot
        crowded = int((larger & self._table.has_area).sum()) > MAX_OUTLINES
        if crowded or is_dot.sum() > MAX_OUTLINES:
            content = (self._version, crowded, dpr, self.lifted, self.chosen & self._hidden_ids)
            draw = partial(self._paint_small, dpr=dpr, outlines=crowded)
            self._crowd.paint(painter, view, content, draw)
        elif is_dot.any():
            self._paint_small(painter, view, dpr=dpr, outlines=False)
        if crowded:
            told = [
                self._number[i] for i in (*self.chosen, self.hovered or "") if i in self._number
            ]
            alone = ~self._table.has_area
            alone[told] = True
            larger &= alone
        shapes = [self._list[i] for i in np.flatnonzero(larger)]
        shapes = [s for s in shapes if s.roi.id not in self.lifted]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        shapes.sort(key=lambda s: (s.roi.id in self.chosen, s.roi.id == self.hovered))
        for shape in shapes:
            strong = self._is_strong(shape)
            halo = strong or len(shapes) <= MAX_HALOS
            paint_outline(painter, view, dpr, shape, strong=strong, halo=halo)
        self._paint_labels(painter, view, dpr, mpp, shapes)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _is_strong(self, shape: RoiShape) -> bool:
        """Whether it is selected, or under the mouse."""
        return shape.roi.id in self.chosen or shape.roi.id == self.hovered

    def _in_view(self, view: View, dpr: float) -> tuple[np.ndarray, np.ndarray]:
        """Which ROIs are on the screen, and which of them are no larger than a dot; (N,) bool."""
        left, top, right, bottom = view.rect
        b = self._table.bounds
        on_screen = (b[:, 0] <= right) & (b[:, 2] >= left) & (b[:, 1] <= bottom) & (b[:, 3] >= top)
        on_screen &= self._shown()
        extent = np.maximum(b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]) * view.scale
        return on_screen, on_screen & ~self._table.is_point & (extent < DOT_BELOW_PX * dpr)

    def _paint_small(self, painter: QPainter, view: View, *, dpr: float, outlines: bool) -> None:
        """Dots, and with ``outlines`` the areas that are larger as hairlines."""
        wider = View(view.state, view.width + 16, view.height + 16)  # dots reach in from outside
        on_screen, is_dot = self._in_view(wider, dpr)
        centers = (self._table.bounds[is_dot, :2] + self._table.bounds[is_dot, 2:]) / 2
        paint_dots(painter, centers, self._table.colors[is_dot], view, dpr)
        if not outlines:
            return
        rings: list[np.ndarray] = []
        owners: list[int] = []
        for number in np.flatnonzero(on_screen & ~is_dot & self._table.has_area).tolist():
            shape = self._list[number]
            if shape.roi.id not in self.lifted:
                found = shape.rings(view.state.downsample)
                rings += found
                owners += [number] * len(found)
        paint_outlines(painter, rings, self._table.colors[owners], view, dpr)

    def _paint_labels(
        self,
        painter: QPainter,
        view: View,
        dpr: float,
        mpp: float | None,
        shapes: Sequence[RoiShape],
    ) -> None:
        """The selected ROI first: a name that would cover another moves below it, or is omitted."""
        font = label_font(painter, dpr)
        painter.setFont(font)
        metrics = QFontMetricsF(font, painter.device())
        self.labels = {}
        for shape in reversed(shapes[-MAX_LABELS:]):
            measured = measured_text(shape.roi, mpp)
            text = measured or shape.roi.name or shape.roi.class_name
            box = shape.box_on(view)
            narrow = max(box.width(), box.height() if measured else 0) < LABEL_FROM_PX * dpr
            if not text or (narrow and shape.roi.kind != "point"):
                continue
            if measured:
                box = label_box(shape.roi, view)
            elif shape.roi.kind == "point":
                box.adjust(0, -POINT_RADIUS_PX * dpr, 0, 0)
            placed = place_label(metrics, text, box, dpr, view, list(self.labels.values()))
            if placed is not None:
                self.labels[shape.roi.id] = placed[1]
                paint_label(painter, *placed, shape.color, dpr)


def _box_area(shape: RoiShape) -> float:
    left, top, right, bottom = shape.bounds
    return (right - left) * (bottom - top)
