"""A rotated slide: every colour, outline and gesture is where the rotation puts it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest

from ssmamba.reading.values import Window
from ssmamba.rois.measures import angle_of, length_of
from ssmamba.rois.roi import Roi
from tests.slides import write_pyramid
from tests.viewer.canvas.conftest import INNER, SQUARE, Driver
from viewer.canvas import Overlay, ViewState
from viewer.canvas.tools import TOOLS

ANGLES = [0.0, 90.0, 180.0, 270.0, 37.0]
QUARTERS = [(90.0, -1), (180.0, 2), (270.0, 1)]  # with the turns of np.rot90
WIDTH, HEIGHT = 400, 300  # of the canvas
MIDDLE = (500.0, 350.0)  # of the slide
COLORS = {  # of the slide's quarters, by the side of the middle on which they lie (x, y)
    (-1, -1): (200, 60, 60),
    (1, -1): (60, 160, 60),
    (1, 1): (60, 60, 200),
    (-1, 1): (210, 180, 60),
}


def place_on_screen(x: float, y: float, degrees: float, downsample: float = 1.0) -> tuple[int, int]:
    """Where a place is when the middle of the slide is in the middle of the canvas.

    On paper: turned clockwise about the middle, with y down.
    """
    turn = math.radians(degrees)
    dx, dy = (x - MIDDLE[0]) / downsample, (y - MIDDLE[1]) / downsample
    return (
        round(WIDTH / 2 + dx * math.cos(turn) - dy * math.sin(turn)),
        round(HEIGHT / 2 + dx * math.sin(turn) + dy * math.cos(turn)),
    )


@pytest.fixture
def quarters(make_driver: Callable[..., Driver], tmp_path: Path) -> Driver:
    """A slide of four colours."""
    picture = np.empty((700, 1000, 3), np.uint8)
    for (right, low), color in COLORS.items():
        rows = slice(350, None) if low > 0 else slice(0, 350)
        picture[rows, slice(500, None) if right > 0 else slice(0, 500)] = color
    write_pyramid(tmp_path / "quarters.tif", picture=picture)
    made = make_driver(width=WIDTH, height=HEIGHT)
    made.open(tmp_path / "quarters.tif")
    made.settle()
    return made


def turn(driver: Driver, degrees: float, downsample: float = 1.0) -> None:
    driver.canvas.set_view_state(ViewState(*MIDDLE, downsample, degrees))
    driver.settle()


def textured(driver: Driver, degrees: float, downsample: float = 1.0) -> np.ndarray:
    turn(driver, degrees, downsample)
    return driver.grab()


@pytest.mark.parametrize("downsample", [1.0, 2.6])
def test_each_colour_is_where_the_rotation_puts_it(quarters: Driver, downsample: float) -> None:
    for degrees in ANGLES:
        assert_colours(quarters, degrees, downsample)


def assert_colours(quarters: Driver, degrees: float, downsample: float) -> None:
    turn(quarters, degrees, downsample)
    shown = quarters.grab()
    for (right, low), color in COLORS.items():
        for far in (12, 60, 100):
            x, y = place_on_screen(
                MIDDLE[0] + right * far * downsample,
                MIDDLE[1] + low * far * downsample,
                degrees,
                downsample,
            )
            if 0 <= x < WIDTH and 0 <= y < HEIGHT:
                assert np.abs(shown[y, x].astype(int) - color).max() <= 2, (far, right, low)


@pytest.mark.parametrize("downsample", [1.0, 1.37, 0.3])
def test_a_quarter_turn_is_as_sharp_as_none(
    make_driver: Callable[..., Driver], driver: Driver, downsample: float
) -> None:
    """The very same pixels, also after panning, whose frame is moved and completed."""
    square = make_driver(width=300, height=300)
    square.canvas.share_source(driver.canvas)
    upright = textured(square, 0.0, downsample)
    ways = ((13, 0), (40, -31), (-90, 55))
    for degrees, turns in QUARTERS:
        assert np.array_equal(textured(square, degrees, downsample), np.rot90(upright, turns))
        for dx, dy in ways:
            square.canvas.camera.pan_by(dx, dy)
            square.grab()
        square.settle()
        panned = square.grab()
        square.canvas.set_view_state(ViewState(0, 0, 4.0))  # nothing is left of the frame
        turn(square, degrees, downsample)
        square.canvas.camera.pan_by(sum(w[0] for w in ways), sum(w[1] for w in ways))
        square.settle()
        assert np.array_equal(panned, square.grab())


def test_an_oblique_slide_has_neither_gaps_nor_traces(driver: Driver) -> None:
    """What shows between or beside tiles would be far from any colour of the slide."""
    driver.canvas.scene.tiles.set_background(QColor(0, 255, 0))
    for degrees in (37.0, 45.0, 1.0, 211.3):
        turn(driver, degrees, 1.21)
        for dx, dy in ((7, -3), (-30, 44), (60, 5)):
            driver.canvas.camera.pan_by(dx, dy)
            driver.grab()
        driver.settle()
        moved = driver.grab()
        driver.canvas.scene.tiles.invalidate()
        driver.canvas.update()
        driver.settle()
        assert not (moved[..., 1].astype(int) - moved[..., 0] > 100).any()
        assert np.abs(moved.astype(int) - driver.grab()).max() <= 3


def test_an_oblique_view_asks_for_no_tile_that_it_does_not_show(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    write_pyramid(tmp_path / "large.tif", picture=np.full((2400, 2400, 3), 200, np.uint8))
    driver = make_driver(width=WIDTH, height=HEIGHT)
    driver.open(tmp_path / "large.tif")
    driver.settle()
    driver.look_at(1200, 1200, 2.0)
    driver.canvas.set_view_state(ViewState(1200, 1200, 1.0, 45.0))
    view, source = driver.canvas.camera.view, driver.canvas.source
    assert source is not None and source.pyramid is not None
    pyramid = source.pyramid
    urgent, _ = driver.canvas.scene.tiles.needed(view)
    shown = QRectF(0, 0, WIDTH, HEIGHT)
    level0 = [key for key in urgent if key.level == 0]
    assert level0
    assert all(shown.intersects(view.screen_rect_f(pyramid.rect_of(key))) for key in level0)
    assert len(level0) < len(pyramid.tiles_in(0, view.rect, True))


@pytest.mark.parametrize("degrees", ANGLES)
def test_the_mouse_points_at_what_is_under_it(driver: Driver, degrees: float) -> None:
    """Hovering, clicking and dragging, told by places on paper."""
    driver.canvas.set_rois([SQUARE, INNER])
    turn(driver, degrees)
    seen: list[tuple[float, float]] = []
    driver.canvas.cursor_moved.connect(lambda x, y: seen.append((x, y)))
    for place in ((430, 280), (575, 290), (565, 420), (500, 350)):
        at = QPoint(*place_on_screen(*place, degrees))
        QTest.mouseMove(driver.canvas, at)
        assert math.dist(seen[-1], place) <= 1.5
        QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert driver.clicked == ["square", "square", "square", "inner"]
    outside = QPoint(*place_on_screen(590, 350, degrees))
    QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, pos=outside)
    assert driver.clicked[-1] is None


PLACES = [(440.0, 300.0), (560.0, 310.0), (550.0, 400.0), (450.0, 395.0)]


@pytest.mark.parametrize("degrees", [270.0, 37.0])
@pytest.mark.parametrize("tool", [tool.id for tool in TOOLS if tool.id not in ("pan", "wand")])
def test_what_a_tool_draws_lies_where_it_was_drawn(
    driver: Driver, tool: str, degrees: float
) -> None:
    turn(driver, degrees)
    driver.canvas.set_tool(tool)
    at = [QPoint(*place_on_screen(*place, degrees)) for place in PLACES]
    button = Qt.MouseButton.LeftButton
    if tool in ("polygon", "angle"):
        for point in at[:3]:
            QTest.mouseClick(driver.canvas, button, pos=point)
        if tool == "polygon":
            QTest.keyClick(driver.canvas, Qt.Key.Key_Return)
    elif tool == "point":
        QTest.mouseClick(driver.canvas, button, pos=at[0])
    else:
        ends = at if tool in ("lasso", "brush") else [at[0], at[2]]
        QTest.mousePress(driver.canvas, button, pos=ends[0])
        for point in ends[1:]:
            QTest.mouseMove(driver.canvas, point)
        QTest.mouseRelease(driver.canvas, button, pos=ends[-1])
    (roi,) = driver.drawn
    if tool in ("rectangle", "ellipse"):  # along the slide's axes, from corner to corner
        assert np.allclose(roi.bounds, (*PLACES[0], *PLACES[2]), atol=1.5)
    elif tool == "brush":
        radius = 24
        assert np.allclose(
            roi.bounds, (440 - radius, 300 - radius, 560 + radius, 400 + radius), atol=2.5
        )
    else:
        drawn = roi.polygons[0][0]
        wanted = {"point": 1, "ruler": 2, "angle": 3, "polygon": 3}.get(tool, 4)
        ends_of = PLACES if tool != "ruler" else [PLACES[0], PLACES[2]]
        for place in ends_of[:wanted]:
            assert min(math.dist(place, corner) for corner in drawn) <= 2.5
    if tool == "ruler":
        assert length_of(roi) == pytest.approx(math.dist(PLACES[0], PLACES[2]), abs=2)
    if tool == "angle":
        assert 0 < angle_of(roi) < 180


@pytest.mark.parametrize("degrees", [90.0, 37.0])
def test_a_box_on_the_screen_picks_what_lies_in_it(driver: Driver, degrees: float) -> None:
    """The square's outline, not the larger box of its corners' places, counts when oblique."""
    beside = Roi((((((300, 100), (340, 100), (340, 140), (300, 140))),),), id="beside")
    driver.canvas.set_rois([SQUARE, INNER, beside])
    turn(driver, degrees)
    picked: list[list[str]] = []
    driver.canvas.rois_picked.connect(picked.append)
    corners = [place_on_screen(*corner, degrees) for corner in SQUARE.polygons[0][0]]
    xs, ys = zip(*corners, strict=True)
    for grown in (3, -8):
        start = QPoint(min(xs) - grown, min(ys) - grown)
        end = QPoint(max(xs) + grown, max(ys) + grown)
        shift = Qt.KeyboardModifier.ShiftModifier
        QTest.mousePress(driver.canvas, Qt.MouseButton.LeftButton, shift, start)
        QTest.mouseMove(driver.canvas, end)
        QTest.mouseRelease(driver.canvas, Qt.MouseButton.LeftButton, shift, end)
    assert picked == [["square", "inner"], ["inner"]]


def test_maps_and_overlays_cover_the_tissue_that_they_tell_of(quarters: Driver) -> None:
    """The upper right quarter is covered by a map, the lower left one by an overlay."""
    red = np.zeros((2, 2, 4), np.uint8)
    red[:] = (255, 0, 0, 255)
    quarters.canvas.scene.tile_map.set_picture(red, (500.0, 0.0, 1000.0, 350.0))
    black = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    black.fill(QColor(0, 0, 0))
    left_low = Roi((((((0, 350), (500, 350), (500, 700), (0, 700))),),))
    quarters.canvas.set_overlays([Overlay(black, 0, 350, 500, 350, left_low)])
    for degrees in ANGLES:
        turn(quarters, degrees)
        shown = quarters.grab()
        for (right, low), color in COLORS.items():
            x, y = place_on_screen(500 + 60 * right, 350 + 60 * low, degrees)
            wanted = {(1, -1): (255, 0, 0), (-1, 1): (0, 0, 0)}.get((right, low), color)
            assert np.abs(shown[y, x].astype(int) - wanted).max() <= 2


def test_outlines_lie_on_their_places(quarters: Driver) -> None:
    quarters.canvas.set_rois([Roi(SQUARE.polygons, id="s", color=(255, 255, 255))])
    for degrees in ANGLES:
        turn(quarters, degrees)
        shown = quarters.grab().astype(int)
        for place in ((420, 350), (500, 270), (580, 350), (500, 430)):
            x, y = place_on_screen(*place, degrees)
            around = shown[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
            assert around.min(axis=2).max() > 200


def test_arrows_and_edges_move_along_the_screen(driver: Driver) -> None:
    turn(driver, 90.0)
    QTest.keyClick(driver.canvas, Qt.Key.Key_Right)  # to what is at the right: the slide's top
    state = driver.canvas.view_state()
    assert state.center_x == pytest.approx(500, abs=1) and state.center_y < 349
    assert state.rotation == 90.0
    driver.canvas.set_rois([SQUARE])
    driver.canvas.set_selected("square")
    QTest.keyClick(driver.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    (moved,) = driver.edited
    assert np.allclose(moved.bounds, (420, 269, 580, 429))


def test_movements_keep_the_rotation(driver: Driver) -> None:
    camera = driver.canvas.camera
    camera.turn_to(37.0)
    assert camera.fits  # the whole slide is still shown as a whole
    for corner in ((0, 0), (1000, 0), (1000, 700), (0, 700)):
        place = camera.view.to_screen(*corner)
        assert 0 <= place.x() <= WIDTH and 0 <= place.y() <= HEIGHT
    for move in (
        lambda: camera.move_to(300, 200),
        lambda: camera.set_magnification(10),
        lambda: camera.zoom_at(1.0, None, smooth=False),
        lambda: camera.fit_rect((10, 10, 60, 60), 0.1),
        camera.fit,
    ):
        move()
        assert camera.state.rotation == 37.0
    camera.turn_by(-40)
    assert camera.state.rotation == 357.0


def test_shift_keeps_a_ruler_to_steps_of_the_screen(driver: Driver) -> None:
    turn(driver, 37.0)
    driver.canvas.set_tool("ruler")
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, shift, QPoint(100, 150))
    QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, shift, QPoint(300, 156))
    (ruler,) = driver.drawn
    a, b = (driver.canvas.camera.view.to_screen(*end) for end in ruler.polygons[0][0])
    assert a.y() == pytest.approx(b.y(), abs=0.1)


def test_the_wand_takes_nothing_beside_an_oblique_view(quarters: Driver) -> None:
    """The rectangle around the view is read; what is beside the view is not in the region."""
    turn(quarters, 45.0)
    quarters.canvas.set_tool("wand")
    at = QPoint(*place_on_screen(*MIDDLE, 45.0)) + QPoint(0, -40)
    QTest.mouseClick(quarters.canvas, Qt.MouseButton.LeftButton, pos=at)
    quarters.qtbot.waitUntil(lambda: bool(quarters.drawn))
    view = quarters.canvas.camera.view
    for x, y in quarters.drawn[0].polygons[0][0]:
        place = view.to_screen(x, y)
        assert -2 <= place.x() <= WIDTH + 2 and -2 <= place.y() <= HEIGHT + 2


def test_maps_and_overlays_turned_by_quarters_are_the_upright_ones(
    make_driver: Callable[..., Driver], driver: Driver
) -> None:
    square = make_driver(width=300, height=300)
    square.canvas.share_source(driver.canvas)
    scene, rng = square.canvas.scene, np.random.default_rng(2)
    values = rng.integers(0, 255, (5, 7, 4), np.uint8)
    values[..., 3] = 255
    scene.tile_map.set_picture(values, (390.0, 260.0, 530.0, 360.0))
    colours = rng.integers(0, 255, (256, 4), np.uint8)
    numbers = np.arange(12, dtype=np.uint8).reshape(3, 4)
    scene.slide_scan.set_numbers(numbers, colours, (520.0, 330.0, 600.0, 390.0))
    parts = [QImage(3, 2, QImage.Format.Format_ARGB32_Premultiplied) for _ in range(2)]
    for number, part in enumerate(parts):  # two windows side by side
        part.fill(QColor(40 + 150 * number, 30, 90))
        part.setPixelColor(0, 0, QColor(255, 255, 0))
    whole = Roi(((((400, 370), (480, 365), (490, 440), (410, 430)),),))
    square.canvas.set_overlays(
        [Overlay(part, 400 + 45 * n, 365, 45, 75, whole) for n, part in enumerate(parts)]
    )
    upright = textured(square, 0.0, 0.77).astype(int)
    for degrees, turns in QUARTERS:
        apart = np.abs(textured(square, degrees, 0.77) - np.rot90(upright, turns))
        assert (apart.max(axis=2) > 3).mean() < 0.002  # edges of the clip are smooth


@pytest.mark.parametrize("many", [False, True])
def test_small_regions_are_dots_on_their_places(quarters: Driver, many: bool) -> None:
    """Also where they are so many that they are painted as squares of dots."""
    places = [(440.0 + 60 * (n % 3), 300.0 + 50 * (n // 3)) for n in range(9)]
    shown_at = places[:: 1 if not many else 2]
    rois = [
        Roi(
            (((((x, y), (x + 2, y), (x + 2, y + 2), (x, y + 2)),),)), id=f"{x} {y} {n}",
            color=(255, 255, 255),
        )
        for x, y in shown_at
        for n in range(60 if many else 1)
    ]  # fmt: skip
    quarters.canvas.set_rois(rois)
    for degrees in (0.0, 90.0, 37.0):
        turn(quarters, degrees)
        bright = quarters.grab().min(axis=2) > 250
        for x, y in shown_at:
            column, row = place_on_screen(x + 1, y + 1, degrees)
            assert bright[row - 1 : row + 2, column - 1 : column + 2].any()


def test_windows_and_the_square_of_the_window_size_turn_with_the_slide(quarters: Driver) -> None:
    canvas = quarters.canvas
    for degrees in ANGLES:
        turn(quarters, degrees)
        canvas.set_highlight(None)
        canvas.set_tool("pan")
        before = quarters.grab().astype(int)
        canvas.set_highlight(np.array([[520.0, 370.0, 40.0]]))
        canvas.set_tool("field")
        canvas.field_square.begin(Window(430.0, 290.0, 50.0))
        changed = np.abs(quarters.grab() - before).max(axis=2) > 25
        for left, top, side in ((520, 370, 40), (430, 290, 50)):
            for x, y in ((left, top + side / 2), (left + side / 2, top), (left + side, top + 9)):
                column, row = place_on_screen(x, y, degrees)
                assert changed[row - 2 : row + 3, column - 2 : column + 3].any(), (x, y, degrees)
        column, row = place_on_screen(560 + 8, 370 - 8, degrees)  # beside both
        assert not changed[row - 3 : row + 4, column - 3 : column + 4].any()


@pytest.mark.parametrize("degrees", [270.0, 37.0])
def test_dragged_regions_and_corners_stay_under_the_mouse(driver: Driver, degrees: float) -> None:
    canvas = driver.canvas
    canvas.set_rois([SQUARE])
    canvas.set_selected("square")
    turn(driver, degrees)
    driver.drag((500, 300), (510, 310), (530, 340))
    assert np.allclose(driver.edited[-1].bounds, (450, 310, 610, 470), atol=2)
    driver.drag((580, 430), (585, 440), (600, 450))
    corners = driver.edited[-1].polygons[0][0]
    assert min(math.dist((600, 450), corner) for corner in corners) <= 2
    assert np.allclose(driver.edited[-1].bounds[:2], (420, 270))
