"""Ellipses and circles."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from ssmamba.rois.geometry import area_of
from ssmamba.rois.outlines import ellipse_ring
from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver

OVAL = Roi(((ellipse_ring((420, 270), (580, 430)),),), id="oval", kind="ellipse")


def test_a_drag_from_corner_to_corner_draws_an_ellipse(drawing: Driver) -> None:
    drawing.canvas.set_tool("ellipse")
    drawing.drag((400, 300), (450, 320), (600, 380))
    (roi,) = drawing.drawn
    assert roi.kind == "ellipse" and roi.bounds == pytest.approx((400, 300, 600, 380), abs=0.1)
    assert area_of(roi) == pytest.approx(math.pi * 100 * 40, rel=1e-3)


def test_shift_draws_a_circle(drawing: Driver) -> None:
    drawing.canvas.set_tool("ellipse")
    drawing.drag((400, 300), (450, 310), modifier=Qt.KeyboardModifier.ShiftModifier)
    left, top, right, bottom = drawing.drawn[0].bounds
    assert right - left == pytest.approx(bottom - top, abs=0.1)


def test_a_side_of_an_ellipse_is_dragged_and_it_stays_one(drawing: Driver) -> None:
    drawing.canvas.set_rois([OVAL])
    drawing.canvas.set_selected("oval")
    drawing.drag((580, 350), (600, 360), (640, 355))
    (roi,) = drawing.edited
    assert roi.kind == "ellipse" and roi.bounds == pytest.approx((420, 270, 640, 430), abs=0.1)


def test_a_side_dragged_over_the_other_turns_the_ellipse_over(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(OVAL)])
    drawing.canvas.set_selected("oval")
    drawing.drag((580, 350), (400, 350), (380, 350))
    assert drawing.edited[0].bounds == pytest.approx((380, 270, 420, 430), abs=0.1)
