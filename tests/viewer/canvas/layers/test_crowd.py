"""Thousands of ROIs are painted as squares that panning reuses, and look as if painted at once."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter

from ssmamba.rois.roi import Roi
from viewer.canvas.layers import rois as layer_module
from viewer.canvas.layers.crowd import KEPT, SIDE_PX, Crowd
from viewer.canvas.layers.rois import RoiLayer
from viewer.canvas.types import ViewState
from viewer.canvas.view import View

WIDTH, HEIGHT = 900, 700


def many(side: float, step: float = 20.0, across: int = 40) -> list[Roi]:
    made = []
    for n in range(across * across):
        x, y = n % across * step, n // across * step
        ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
        made.append(Roi(((ring,),), id=str(n), color=(200, n % 256, 40)))
    return made


def painted(layer: RoiLayer, view: View) -> np.ndarray:
    """(height, width) uint32 ARGB."""
    image = QImage(view.width, view.height, QImage.Format.Format_ARGB32_Premultiplied)
    whole = False
    while not whole:  # squares that panning brings may take several frames
        image.fill(0)
        painter = QPainter(image)
        layer.paint(painter, view, 1.0)
        painter.end()
        whole = layer.is_whole
    return np.frombuffer(image.constBits(), np.uint32).reshape(view.height, view.width).copy()


@pytest.mark.parametrize(("side", "rotation"), [(2.0, 0.0), (12.0, 0.0), (2.0, 37.0), (12.0, 37.0)])
def test_panned_squares_show_what_a_fresh_painting_shows(
    qapp: object, side: float, rotation: float
) -> None:
    """Dots and hairlines, also across the edges of squares."""
    used = RoiLayer()
    used.set_rois(many(side))
    for step in (0.0, 37.0, 260.0):
        view = View(ViewState(400 + step, 300 + step, 1.0, rotation), WIDTH, HEIGHT)
        fresh = RoiLayer()
        fresh.set_rois(many(side))
        shown = painted(used, view)
        assert (shown == painted(fresh, view)).all() and (shown != 0).any()


def test_dots_in_squares_are_those_painted_at_once(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = RoiLayer()
    layer.set_rois(many(2.0))
    view = View(ViewState(400, 300, 1.0), WIDTH, HEIGHT)
    in_squares = painted(layer, view)
    monkeypatch.setattr(layer_module, "MAX_OUTLINES", 10**9)
    assert (in_squares == painted(layer, view)).all()


def test_a_region_that_goes_leaves_no_trace(qapp: object) -> None:
    layer, rois = RoiLayer(), many(12.0)
    layer.set_rois(rois)
    view = View(ViewState(400, 300, 1.0), WIDTH, HEIGHT)
    before = painted(layer, view)
    layer.set_rois(rois[1:])
    after = painted(layer, view)
    at = view.to_screen(6, 0).toPoint()
    assert before[at.y(), at.x()] != 0 and after[at.y(), at.x()] == 0


def test_panning_paints_only_the_squares_that_come_into_view(qapp: object) -> None:
    drawn: list[View] = []
    crowd, image = Crowd(), QImage(SIDE_PX, SIDE_PX, QImage.Format.Format_ARGB32)
    middle = SIDE_PX / 2
    for x in (middle, middle - 6, middle + SIDE_PX * KEPT / 2, middle):
        painter = QPainter(image)
        view = View(ViewState(x, middle, 1.0), SIDE_PX, SIDE_PX)
        crowd.paint(painter, view, "same", lambda _, part: drawn.append(part))
        painter.end()
    assert len(drawn) == 3, "one at first, its neighbour, and one far away; then the first again"


def test_a_frame_has_no_time_for_all_that_panning_brings(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest comes in the next frames, one square at least in each."""
    drawn: list[View] = []
    crowd, image = Crowd(), QImage(4 * SIDE_PX, SIDE_PX, QImage.Format.Format_ARGB32)

    def frame(x: float) -> int:
        painter = QPainter(image)
        view = View(ViewState(x, SIDE_PX / 2, 1.0), 4 * SIDE_PX, SIDE_PX)
        crowd.paint(painter, view, "same", lambda _, part: drawn.append(part))
        painter.end()
        return len(drawn)

    monkeypatch.setattr("viewer.canvas.layers.crowd.BUDGET_S", -1.0)
    assert frame(2.0 * SIDE_PX) == 4 and crowd.is_whole, "a new scale is painted at once"
    for more in (1, 2, 3, 4):
        assert frame(6.0 * SIDE_PX) == 4 + more
    assert crowd.is_whole


def test_squares_with_new_content_come_within_a_few_frames_and_the_former_ones_stay_meanwhile(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowd()
    view = View(ViewState(2.0 * SIDE_PX, SIDE_PX / 2, 1.0), 4 * SIDE_PX, SIDE_PX)

    def frame(content: str) -> list[str]:
        """The colour of each square."""
        image = QImage(4 * SIDE_PX, SIDE_PX, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        crowd.paint(painter, view, content, lambda to, _: to.fillRect(0, 0, 256, 256, content))
        painter.end()
        return [image.pixelColor(at * SIDE_PX + 9, 9).name() for at in range(4)]

    red, blue = "#ff0000", "#0000ff"
    assert frame(red) == [red] * 4
    monkeypatch.setattr("viewer.canvas.layers.crowd.CHANGE_S", -1.0)
    for done in (1, 2, 3):
        assert frame(blue) == [blue] * done + [red] * (4 - done) and not crowd.is_whole
    assert frame(blue) == [blue] * 4 and crowd.is_whole
