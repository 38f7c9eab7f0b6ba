"""The brush paints regions, adds to the selected one, and erases from it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ssmamba.rois.geometry import area_of
from ssmamba.rois.outlines import ellipse_ring
from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import SQUARE, Driver
from viewer.canvas.tools.area_tool import LIVE_CORNERS

RIGHT, ALT = Qt.MouseButton.RightButton, Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def painting(drawing: Driver, *rois: Roi) -> None:
    drawing.canvas.set_rois(rois)
    drawing.canvas.set_selected(rois[0].id if rois else None)
    drawing.canvas.set_tool("brush")


def test_a_stroke_on_tissue_is_a_new_region(drawing: Driver) -> None:
    painting(drawing)
    drawing.drag((450, 350), (500, 350), (550, 350))
    (roi,) = drawing.drawn
    assert area_of(roi) == pytest.approx(100 * 48 + math.pi * 24**2, rel=0.01)
    assert roi.bounds == pytest.approx((426, 326, 574, 374), abs=0.5)


def test_a_click_paints_a_disc(drawing: Driver) -> None:
    painting(drawing)
    drawing.click(500, 350)
    assert area_of(drawing.drawn[0]) == pytest.approx(math.pi * 24**2, rel=0.01)


def test_a_stroke_that_begins_on_the_selected_region_adds_to_it(drawing: Driver) -> None:
    painting(drawing, SQUARE)
    drawing.drag((570, 350), (600, 350), (620, 350))
    (roi,) = drawing.edited
    assert drawing.drawn == [] and roi.id == "square"
    assert roi.bounds == pytest.approx((420, 270, 644, 430), abs=0.5)


def test_beside_the_selected_region_a_new_one_begins_unless_shift_is_held(
    drawing: Driver,
) -> None:
    painting(drawing, SQUARE)
    drawing.drag((650, 350), (655, 350))
    assert len(drawing.drawn) == 1 and drawing.edited == []
    drawing.drag((650, 350), (655, 350), modifier=SHIFT)
    assert len(drawing.edited[0].polygons) == 2


@pytest.mark.parametrize("how", [{"button": RIGHT}, {"modifier": ALT}])
def test_alt_or_the_right_button_erases(drawing: Driver, how: dict) -> None:
    painting(drawing, SQUARE)
    drawing.drag((580, 300), (580, 350), (580, 400), **how)
    (roi,) = drawing.edited
    assert area_of(roi) == pytest.approx(160 * 160 - 24 * 100 - math.pi * 24**2 / 2, rel=0.01)


def test_what_is_erased_in_the_middle_is_a_hole(drawing: Driver) -> None:
    painting(drawing, SQUARE)
    drawing.drag((500, 350), (501, 350), button=RIGHT)
    assert len(drawing.edited[0].polygons[0]) == 2


def test_a_region_that_is_erased_as_a_whole_is_deleted(drawing: Driver) -> None:
    asked: list[str] = []
    drawing.canvas.rois_delete_requested.connect(asked.extend)
    painting(drawing, Roi(((((495, 345), (505, 345), (505, 355)),),), id="small"))
    drawing.drag((500, 350), (501, 350), button=RIGHT)
    assert asked == ["small"] and drawing.edited == []


def test_there_must_be_something_to_erase_from(drawing: Driver) -> None:
    painting(drawing, replace(SQUARE, locked=True))
    drawing.drag((500, 350), (510, 350), button=RIGHT)
    assert drawing.edited == [] and "from which to erase" in drawing.hints[0]


def test_keys_and_the_wheel_with_ctrl_size_the_brush_which_is_shown(drawing: Driver) -> None:
    painting(drawing)
    canvas = drawing.canvas
    QTest.mouseMove(canvas, drawing.screen(500, 350))
    small = drawing.grab()
    QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    at = QPointF(drawing.screen(500, 350))
    for _ in range(4):
        turned = QWheelEvent(
            at, QPointF(canvas.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.ControlModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(canvas, turned)
    assert canvas.view_state().downsample == 1.0  # it did not zoom
    assert not np.array_equal(drawing.grab(), small)
    drawing.click(500, 350)
    left, _, right, _ = drawing.drawn[0].bounds
    assert right - left == pytest.approx(48 * 1.15**5, rel=0.01)


def test_escape_leaves_the_region_as_it_was(drawing: Driver) -> None:
    painting(drawing, SQUARE)
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(570, 350))
    QTest.mouseMove(drawing.canvas, drawing.screen(620, 350))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(620, 350))
    assert drawing.edited == [] and drawing.canvas.scene.rois.lifted == frozenset()


def test_a_region_of_very_many_corners_is_painted_on_too(drawing: Driver) -> None:
    ring = ellipse_ring((420, 270), (580, 430), LIVE_CORNERS + 1000)
    painting(drawing, Roi(((ring,),), id="large"))
    drawing.drag((570, 350), (600, 350), (620, 350))
    assert drawing.edited[0].bounds[2] == pytest.approx(644, abs=0.5)
