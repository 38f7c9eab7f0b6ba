"""Drawing and editing regions with the mouse."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ssmamba.rois.geometry import area_of, roi_shape
from ssmamba.rois.roi import Roi
from tests.viewer.canvas.conftest import Driver


@pytest.fixture
def drawing(driver: Driver) -> Driver:
    """At 1:1 in the middle of the slide: x 300..700, y 200..500 are visible."""
    driver.look_at(500, 350, 1.0)
    driver.drawn: list[Roi] = []  # type: ignore[misc, attr-defined]
    driver.hints: list[str] = []  # type: ignore[misc, attr-defined]
    driver.canvas.roi_drawn.connect(driver.drawn.append)  # type: ignore[attr-defined]
    driver.canvas.hint.connect(driver.hints.append)  # type: ignore[attr-defined]
    return driver


def circle(x: float, y: float, radius: float, turns: float = 1.0) -> list[tuple[float, float]]:
    steps = int(60 * turns)
    return [
        (x + radius * math.cos(2 * math.pi * i / 60), y + radius * math.sin(2 * math.pi * i / 60))
        for i in range(steps)
    ]


def test_a_lasso_becomes_a_region_where_it_was_drawn(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    drawing.drag(*circle(500, 350, 80))
    (roi,) = drawing.drawn  # type: ignore[attr-defined]
    assert roi.kind == "polygon"
    assert area_of(roi) == pytest.approx(math.pi * 80**2, rel=0.03)
    assert roi.bounds == pytest.approx((420, 270, 580, 430), abs=2)
    assert drawing.hints == []  # type: ignore[attr-defined]


def test_a_lasso_that_runs_past_its_start_has_no_hole(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    spiral = [(x - i * 0.3, y) for i, (x, y) in enumerate(circle(500, 350, 80, turns=1.3))]
    drawing.drag(*spiral)
    (roi,) = drawing.drawn  # type: ignore[attr-defined]
    assert [len(rings) for rings in roi.polygons] == [1]
    assert roi_shape(roi).contains(roi_shape(Roi((((((495, 345), (500, 345), (500, 350))),),))))


def test_a_figure_of_eight_becomes_two_parts(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    drawing.drag((400, 300), (500, 400), (500, 300), (400, 400), (400, 301))
    (roi,) = drawing.drawn  # type: ignore[attr-defined]
    assert len(roi.polygons) == 2
    assert roi_shape(roi).is_valid


@pytest.mark.parametrize("tool", ["lasso", "rectangle"])
def test_a_slip_of_the_hand_gives_a_hint_not_a_region(drawing: Driver, tool: str) -> None:
    drawing.canvas.set_tool(tool)
    drawing.drag((500, 350), (502, 351))
    assert drawing.drawn == []  # type: ignore[attr-defined]
    (hint,) = drawing.hints  # type: ignore[attr-defined]
    assert "too small" in hint


def test_a_region_off_the_slide_gives_a_hint(drawing: Driver) -> None:
    drawing.look_at(0, 0, 1.0)
    drawing.canvas.set_tool("rectangle")
    drawing.drag((-150, -120), (-100, -100), (-60, -60))
    assert drawing.drawn == []  # type: ignore[attr-defined]
    assert "off the slide" in drawing.hints[0]  # type: ignore[attr-defined]


def test_a_rectangle_and_with_shift_a_square(drawing: Driver) -> None:
    drawing.canvas.set_tool("rectangle")
    drawing.drag((600, 450), (500, 400), (450, 300))
    drawing.drag((400, 300), (450, 350), (500, 360), modifier=Qt.KeyboardModifier.ShiftModifier)
    rectangle, square = drawing.drawn  # type: ignore[attr-defined]
    assert rectangle.kind == "rectangle"
    assert rectangle.polygons == ((((450, 300), (600, 300), (600, 450), (450, 450)),),)
    left, top, right, bottom = square.bounds
    assert right - left == bottom - top == 100


@pytest.mark.parametrize("end", ["enter", "double click", "first corner"])
def test_a_polygon_is_closed_in_three_ways(drawing: Driver, end: str) -> None:
    drawing.canvas.set_tool("polygon")
    corners = [(400, 300), (500, 300), (500, 400)]
    for corner in corners:
        drawing.click(*corner)
    if end == "enter":
        drawing.click(400, 400)
        QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    elif end == "double click":
        drawing.click(400, 400)  # what a real double click sends first
        place = drawing.screen(400, 400)
        QTest.mouseDClick(drawing.canvas, Qt.MouseButton.LeftButton, pos=place)
    else:
        drawing.click(400, 400)
        drawing.click(403, 302)
    (roi,) = drawing.drawn  # type: ignore[attr-defined]
    assert set(roi.polygons[0][0]) == {*corners, (400, 400)}


def test_backspace_takes_back_a_corner_and_escape_the_whole(drawing: Driver) -> None:
    drawing.canvas.set_tool("polygon")
    for corner in [(400, 300), (500, 300), (690, 490), (500, 400)]:
        drawing.click(*corner)
        if corner == (690, 490):
            QTest.keyClick(drawing.canvas, Qt.Key.Key_Backspace)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    assert len(drawing.drawn[0].polygons[0][0]) == 3  # type: ignore[attr-defined]
    drawing.click(400, 300)
    drawing.click(500, 300)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    assert len(drawing.drawn) == 1  # type: ignore[attr-defined]


def test_zooming_while_drawing_keeps_the_drawing(drawing: Driver) -> None:
    drawing.canvas.set_tool("polygon")
    drawing.click(400, 300)
    drawing.click(600, 300)
    drawing.canvas.camera.zoom_at(-0.5, None, smooth=False)
    drawing.canvas.camera.pan_by(40, 20)
    drawing.click(600, 450)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Return)
    (roi,) = drawing.drawn  # type: ignore[attr-defined]
    assert roi.polygons[0][0][:2] == ((400, 300), (600, 300))
    assert roi.polygons[0][0][2] == pytest.approx((600, 450), abs=1.5)


# --- choosing and editing
SQUARE = Roi((((((420, 270), (580, 270), (580, 430), (420, 430))),),), id="square", kind="polygon")
INNER = Roi((((((480, 330), (520, 330), (520, 370), (480, 370))),),), id="inner")


def test_a_click_chooses_the_innermost_region(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE, INNER])
    chosen: list[str | None] = []
    drawing.canvas.roi_clicked.connect(chosen.append)
    drawing.click(500, 350)
    drawing.click(440, 300)
    drawing.click(640, 450)
    assert chosen == ["inner", "square", None]


def test_a_drag_is_not_a_click(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    chosen: list[str | None] = []
    drawing.canvas.roi_clicked.connect(chosen.append)
    drawing.drag((500, 350), (520, 350), (560, 350))
    assert chosen == []


def test_hovering_tells_once_on_entering_and_leaving(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    heard: list[str | None] = []
    drawing.canvas.roi_hovered.connect(heard.append)
    for x in (410 - 30, 450, 460, 500, 640):
        QTest.mouseMove(drawing.canvas, drawing.screen(x, 350))
    assert heard == ["square", None]


def test_a_vertex_can_be_dragged(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    edited: list[Roi] = []
    drawing.canvas.roi_edited.connect(edited.append)
    drawing.drag((580, 270), (600, 260), (620, 230))
    (roi,) = edited
    assert roi.id == "square"
    assert (620, 230) in roi.polygons[0][0]
    assert (580, 270) not in roi.polygons[0][0]
    assert drawing.canvas.view_state().center_x == 500  # the slide stood still


def test_a_corner_of_a_rectangle_keeps_it_one(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(SQUARE, kind="rectangle")])
    drawing.canvas.set_selected("square")
    edited: list[Roi] = []
    drawing.canvas.roi_edited.connect(edited.append)
    drawing.drag((580, 430), (600, 450), (640, 460))
    assert set(edited[0].polygons[0][0]) == {(420, 270), (640, 270), (640, 460), (420, 460)}
    assert edited[0].kind == "rectangle"


def test_a_drag_that_makes_the_outline_cross_is_repaired(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    edited: list[Roi] = []
    drawing.canvas.roi_edited.connect(edited.append)
    drawing.drag((580, 270), (450, 400), (350, 480))
    assert roi_shape(edited[0]).is_valid
    assert area_of(edited[0]) > 0


def test_a_locked_region_is_not_edited(drawing: Driver) -> None:
    drawing.canvas.set_rois([replace(SQUARE, locked=True)])
    drawing.canvas.set_selected("square")
    edited: list[Roi] = []
    drawing.canvas.roi_edited.connect(edited.append)
    drawing.drag((580, 270), (600, 260), (620, 230))
    assert edited == []


def test_escape_during_a_drag_leaves_the_region_as_it_was(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_selected("square")
    edited: list[Roi] = []
    drawing.canvas.roi_edited.connect(edited.append)
    QTest.mousePress(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(580, 270))
    QTest.mouseMove(drawing.canvas, drawing.screen(620, 230))
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(drawing.canvas, Qt.MouseButton.LeftButton, pos=drawing.screen(620, 230))
    assert edited == []


def test_delete_asks_for_the_selected_region(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    asked: list[str] = []
    drawing.canvas.roi_delete_requested.connect(asked.append)
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Delete)
    drawing.canvas.set_selected("square")
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Delete)
    assert asked == ["square"]


def test_the_minimap_leads_anywhere(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.scene.decorated = True
    place = canvas.scene.minimap_place()
    assert place is not None
    chosen: list[str | None] = []
    canvas.roi_clicked.connect(chosen.append)
    quarter = QPoint(place.x() + place.width() // 4, place.y() + place.height() // 4)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=quarter)
    state = canvas.view_state()
    assert state.center_x == pytest.approx(250, abs=15)
    assert state.center_y == pytest.approx(175, abs=15)
    assert state.downsample == 1.0
    assert chosen == []


def test_the_cursor_place_is_told_in_slide_pixels(drawing: Driver) -> None:
    heard: list[tuple[float, float]] = []
    drawing.canvas.cursor_moved.connect(lambda x, y: heard.append((x, y)))
    QTest.mouseMove(drawing.canvas, drawing.screen(432, 321))
    assert heard[-1] == (432, 321)


def test_a_click_with_the_lasso_selects_the_region_under_it(drawing: Driver) -> None:
    drawing.canvas.set_rois([SQUARE])
    drawing.canvas.set_tool("lasso")
    clicked: list[str | None] = []
    drawing.canvas.roi_clicked.connect(clicked.append)
    x0, y0, x1, y1 = SQUARE.bounds
    drawing.click((x0 + x1) / 2, (y0 + y1) / 2)
    assert clicked == ["square"] and drawing.hints == []  # type: ignore[attr-defined]


def test_escape_without_a_drawing_leaves_the_tool(drawing: Driver) -> None:
    drawing.canvas.set_tool("lasso")
    QTest.keyClick(drawing.canvas, Qt.Key.Key_Escape)
    assert drawing.canvas.tool() == "pan"


def test_a_space_bar_let_go_in_another_window_does_not_stick(drawing: Driver) -> None:
    canvas = drawing.canvas
    canvas.set_tool("lasso")
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    left = QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason)
    QApplication.sendEvent(canvas, left)
    drawing.drag(*circle(500, 350, 80))
    assert len(drawing.drawn) == 1  # type: ignore[attr-defined]


def test_names_of_regions_do_not_cover_each_other(drawing: Driver) -> None:
    near = [replace(SQUARE, id=f"r{i}", name=f"Region {i}") for i in range(3)]
    drawing.canvas.set_rois(near)
    drawing.canvas.set_selected("r0")
    drawing.grab()
    first, second = drawing.canvas.scene.rois.labels.items()  # the third has no room
    assert first[0] == "r0"
    assert not first[1].intersects(second[1])
