"""Two slides side by side in the whole window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from tests.slides import write_pyramid
from tests.viewer.conftest import RING, Bench
from tests.viewer.fakes import square
from viewer.canvas import ViewState
from viewer.controllers.beside import BesideController
from viewer.panels.beside import beside_menu, state_text


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Larger than the first one, at the same scale."""
    path = tmp_path / "other.tif"
    write_pyramid(path, 1200, 900, seed=7)
    return path


@pytest.fixture
def beside(bench: Bench, other: Path) -> Iterator[BesideController]:
    """With the other slide open beside the first."""
    made = bench.work.beside
    made.open(str(other))
    settle(bench)
    yield made


def settle(bench: Bench) -> None:
    bench.settle()
    two = bench.work.beside
    bench.qtbot.waitUntil(lambda: not two.is_open or (two.canvas.is_settled() and not two.busy))
    bench.settle()


def at(canvas, place: tuple[float, float]) -> QPoint:
    return canvas.camera.view.to_screen(*place).toPoint()


def mark(bench: Bench, here: tuple[float, float], there: tuple[float, float]) -> None:
    """Click the same place on both slides."""
    two = bench.work.beside
    bench.window.actions_by_name["mark_places"].trigger()
    for canvas, place in ((bench.window.canvas, here), (two.canvas, there)):
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at(canvas, place))
    settle(bench)


def test_a_second_slide_by_menu_with_a_view_of_its_own(bench: Bench, other: Path) -> None:
    bench.work.slides.remember([str(other)])
    two, main = bench.work.beside, bench.window.canvas
    texts = [action.text() for action in beside_menu(bench.work, list, bench.window).actions()]
    assert texts == ["small.tif (the same slide)", "other.tif", "", "Another slide…"]
    bench.window.actions_by_name["beside"].trigger()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.actions()[1].trigger()
    menu.close()
    settle(bench)
    assert two.canvas.isVisible() and abs(two.canvas.width() - main.width()) < 20
    assert state_text(two).startswith("Not linked.")
    before = main.view_state()
    bench.window.activateWindow()
    two.canvas.setFocus()
    bench.qtbot.waitUntil(two.canvas.hasFocus)
    two.canvas.camera.zoom_at(1.0, None, smooth=False)
    assert main.view_state() == before
    bench.window.actions_by_name["fit"].trigger()
    assert two.canvas.camera.fits  # the one with the keyboard


def test_a_place_that_is_marked_on_both_links_them(bench: Bench, beside: BesideController) -> None:
    main, there = bench.window.canvas, beside.canvas
    mark(bench, (200.0, 150.0), (400.0, 250.0))
    assert beside.link.pairs[0].there == pytest.approx((400, 250), abs=3)
    assert state_text(beside) == "Linked by 1 place, scale by µm/px"
    assert main.tool() == there.tool() == "pan"
    main.set_view_state(ViewState(300.0, 300.0, 1.0))
    state = there.view_state()
    assert (state.center_x, state.center_y) == pytest.approx((500, 400), abs=3)
    there.set_view_state(ViewState(600.0, 500.0, 2.0))
    state = main.view_state()
    assert (state.center_x, state.center_y) == pytest.approx((400, 400), abs=3)
    assert state.downsample == 2.0
    main.cursor_moved.emit(300.0, 300.0)
    assert there.scene.pointed == pytest.approx((500, 400), abs=3) and main.scene.pointed is None
    there.cursor_moved.emit(float("nan"), float("nan"))
    bench.window.actions_by_name["link_slides"].trigger()
    before = there.view_state()
    main.set_view_state(ViewState(100.0, 100.0, 1.0))
    assert there.view_state() == before and state_text(beside) == "The link is off."


def test_it_is_shown_as_it_was_left(bench: Bench, other: Path, slide_file: Path) -> None:
    view = ViewState(640.0, 470.0, 0.7, 30.0)
    bench.open(other)
    bench.window.canvas.set_view_state(view)
    bench.open(slide_file)
    bench.work.beside.open(str(other))
    settle(bench)
    assert bench.work.beside.canvas.view_state() == view


def test_keys_turn_the_slide_that_has_the_keyboard(bench: Bench, beside: BesideController) -> None:
    bench.window.activateWindow()
    beside.canvas.setFocus()
    QTest.keyClick(beside.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert beside.canvas.view_state().rotation == 90.0
    assert bench.window.canvas.view_state().rotation == 0.0


def test_one_place_keeps_the_turn_that_the_views_had(
    bench: Bench, beside: BesideController
) -> None:
    main, there = bench.window.canvas, beside.canvas
    there.camera.turn_to(90.0)
    mark(bench, (500.0, 350.0), (600.0, 450.0))
    assert there.view_state().rotation == 90.0
    assert state_text(beside).endswith("rotated by 90°")
    main.camera.turn_to(30.0)
    assert there.view_state().rotation == 120.0
    there.camera.turn_to(0.0)
    assert main.view_state().rotation == 270.0


def test_marking_by_keyboard_and_giving_up(bench: Bench, beside: BesideController) -> None:
    main, there = bench.window.canvas, beside.canvas
    bench.window.activateWindow()
    beside.mark_places()
    QTest.keyClick(main, Qt.Key.Key_Return)
    assert beside.landmarks.has_one and "other slide" in state_text(beside)
    QTest.keyClick(there, Qt.Key.Key_Escape)
    assert not beside.landmarks.active and main.tool() == "pan" and not beside.link.pairs
    beside.mark_places()
    assert main.hasFocus()
    QTest.keyClick(main, Qt.Key.Key_Return)
    bench.qtbot.waitUntil(there.hasFocus)  # where Return is pressed next
    QTest.keyClick(there, Qt.Key.Key_Return)
    assert beside.link.pairs[0].here == pytest.approx((500, 350))
    beside.forget_pair()
    assert beside.similarity is None and not bench.window.actions_by_name["link_slides"].isEnabled()


def test_the_link_comes_back_and_a_second_pair_gives_the_scale(
    bench: Bench, beside: BesideController, other: Path
) -> None:
    mark(bench, (100.0, 100.0), (100.0, 100.0))
    beside.set_linked(False)  # to see the whole of both
    for canvas in (bench.window.canvas, beside.canvas):
        canvas.camera.fit()
    mark(bench, (700.0, 150.0), (1150.0, 250.0))
    warning = bench.window.message_bar.message
    assert warning is not None and "a different scale than its µm/px" in warning.text
    found = beside.similarity
    assert found is not None and found.scale == pytest.approx(1.76, abs=0.05)
    beside.close()
    assert beside.similarity is None
    beside.open(str(other))
    settle(bench)
    assert beside.similarity == found


def test_regions_are_copied_across_and_undone_there(
    bench: Bench, beside: BesideController, other: Path, tmp_path: Path
) -> None:
    mark(bench, (700.0, 150.0), (1150.0, 300.0))
    (pair,) = beside.link.pairs
    dx, dy = pair.there[0] - pair.here[0], pair.there[1] - pair.here[1]
    first = str(bench.document.slide.path)
    off = square(950, 600, 30, name="Off")  # beyond the edge of the second slide
    roi = bench.draw(*RING)
    bench.document.add([off])
    bench.document.choose([roi.id, off.id])
    bench.window.actions_by_name["copy_across"].trigger()
    settle(bench)
    message = bench.window.message_bar.message
    assert message is not None and message.text.endswith("The others lie outside that slide.")
    (shown,) = beside._rois
    left, top = roi.bounds[:2]
    assert shown.bounds[:2] == pytest.approx((left + dx, top + dy), abs=0.02)
    assert shown.id != roi.id and shown.name == roi.name
    with bench.qtbot.waitSignal(bench.work.slides.opened):
        bench.window.actions_by_name["swap_slides"].trigger()
    settle(bench)
    assert bench.document.slide.path == str(other) and beside.path == first
    assert [r.id for r in bench.document.rois] == [shown.id]
    assert [r.id for r in beside._rois] == [roi.id, off.id]
    assert beside.similarity is not None  # the same link, from the other side
    assert beside.similarity.at(*pair.there) == pytest.approx(pair.here)
    bench.document.undo()
    assert not bench.document.rois
    bench.document.redo()
    assert [r.id for r in bench.document.rois] == [shown.id]


def test_a_swap_that_fails_leaves_no_view_to_the_next_slide(
    bench: Bench, beside: BesideController, other: Path, tmp_path: Path
) -> None:
    bench.window.canvas.set_view_state(ViewState(300.0, 280.0, 0.7))
    other.unlink()
    with bench.qtbot.waitSignal(bench.work.slides.failed):
        beside.swap()
    settle(bench)
    third = tmp_path / "third.tif"
    write_pyramid(third, 640, 480, seed=9)
    with bench.qtbot.waitSignal(bench.work.slides.opened):
        bench.work.slides.open(str(third))
    settle(bench)
    assert bench.window.canvas.camera.fits


def test_closing_frees_the_second_slide(bench: Bench, beside: BesideController) -> None:
    source = beside.canvas.source
    assert source is not None and len(source.cache)
    bench.window.actions_by_name["close_beside"].trigger()
    assert not beside.canvas.isVisible() and beside.canvas.source is None
    bench.qtbot.waitUntil(lambda: source.wait_closed(0) and not len(source.cache))
    bench.qtbot.waitUntil(bench.window.canvas.is_settled)  # in all of the room


def test_it_leaves_with_its_row_and_with_the_last_slide(
    bench: Bench, beside: BesideController, other: Path
) -> None:
    bench.work.slides.close_slide(str(other))
    assert not beside.is_open
    beside.open(str(other))
    settle(bench)
    for path in (bench.document.slide.path, str(other)):
        bench.work.slides.close_slide(path)
    bench.qtbot.waitUntil(lambda: bench.document.slide is None)
    assert not beside.is_open and bench.window.welcome.isVisible()


def test_a_slide_beside_itself_shares_its_tiles_and_its_regions(bench: Bench) -> None:
    two, main = bench.work.beside, bench.window.canvas
    two.open(bench.document.slide.path)
    settle(bench)
    assert two.canvas.source is main.source
    roi = bench.draw(*RING)
    assert [shown.id for shown in two._rois] == [roi.id]
    two.canvas.camera.zoom_at(2.0, None, smooth=False)
    assert main.camera.fits  # free, until it is linked
    two.set_linked(True)
    main.set_view_state(ViewState(222.0, 111.0, 0.5))
    assert two.canvas.view_state() == main.view_state()
    bench.draw((500, 500), (600, 500), (600, 600))
    assert two.canvas.view_state() == main.view_state()


def test_two_sections_on_one_slide_are_linked_by_their_own_places(bench: Bench) -> None:
    two, main = bench.work.beside, bench.window.canvas
    two.open(bench.document.slide.path)
    settle(bench)
    forget = bench.window.actions_by_name["forget_pair"]
    assert not forget.isEnabled()
    mark(bench, (200.0, 150.0), (500.0, 350.0))
    assert main.landmark.places == []  # none that was never marked
    assert len(two.link.pairs) == 1 and two.similarity.factor == 1
    roi = bench.draw((100, 100), (200, 100), (200, 200))
    two.copy_across()
    copied = bench.document.rois[-1]
    assert copied.id != roi.id and copied.name != roi.name
    assert copied.polygons[0][0][0] == pytest.approx((400, 300), abs=3)
    forget.trigger()
    two.set_linked(True)  # as before: each place is itself
    assert two.similarity.at(7.0, 8.0) == (7.0, 8.0)
    assert state_text(two) == "Linked: both are the same slide."


def test_what_cannot_be_opened_is_said_and_nothing_stands_there(
    bench: Bench, tmp_path: Path, other: Path
) -> None:
    (tmp_path / "none.svs").write_bytes(b"no slide")
    two = bench.work.beside
    with bench.qtbot.waitSignal(two.canvas.slide_failed):
        two.open(str(tmp_path / "none.svs"))
    assert not two.is_open and not two.canvas.isVisible()
    two.open(str(other))
    settle(bench)
    two.canvas.set_view_state(ViewState(640.0, 470.0, 0.7))
    with bench.qtbot.waitSignal(two.canvas.slide_failed):
        two.open(str(tmp_path / "none.svs"))
    settle(bench)
    assert two.path == str(other) and two.canvas.view_state() == ViewState(640.0, 470.0, 0.7)
    assert bench.window.message_bar.message.level == "error"
