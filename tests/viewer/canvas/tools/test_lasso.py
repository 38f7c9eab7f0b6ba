"""Freehand drawing."""

from __future__ import annotations

import math

import pytest

from ssmamba.rois.geometry import area_of, roi_shape
from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import SQUARE, Driver, circle


def test_a_lasso_becomes_a_region_where_it_was_drawn(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    drawing.drag(*circle(500, 350, 80))
    (roi,) = drawing.drawn
    assert roi.kind == "polygon"
    assert area_of(roi) == pytest.approx(math.pi * 80**2, rel=0.03)
    assert roi.bounds == pytest.approx((420, 270, 580, 430), abs=2)
    assert drawing.hints == []


def test_a_lasso_that_runs_past_its_start_has_no_hole(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    spiral = [(x - i * 0.3, y) for i, (x, y) in enumerate(circle(500, 350, 80, turns=1.3))]
    drawing.drag(*spiral)
    (roi,) = drawing.drawn
    assert [len(rings) for rings in roi.polygons] == [1]
    assert roi_shape(roi).contains(roi_shape(Roi((((((495, 345), (500, 345), (500, 350))),),))))


def test_a_figure_of_eight_becomes_two_parts(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    drawing.drag((400, 300), (500, 400), (500, 300), (400, 400), (400, 301))
    (roi,) = drawing.drawn
    assert len(roi.polygons) == 2
    assert roi_shape(roi).is_valid


def test_a_click_with_the_lasso_selects_the_region_under_it(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_tool("lasso")
    x0, y0, x1, y1 = SQUARE.bounds
    drawing.click((x0 + x1) / 2, (y0 + y1) / 2)
    assert drawing.clicked == ["square"] and drawing.hints == []
