"""The list of slides in the whole window."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.slides import write_pyramid
from tests.viewer.conftest import RING, Bench
from viewer.canvas.types import ViewState
from viewer.panels.slide_delegate import PictureRole, cross_of
from viewer.panels.slides import SlidesPanel


def names(panel: SlidesPanel) -> list[str]:
    return [panel.rows.item(at).text() for at in range(panel.rows.count())]


def middle(panel: SlidesPanel, row: int):
    return panel.rows.visualItemRect(panel.rows.item(row)).center()


@pytest.fixture
def panel(bench: Bench) -> SlidesPanel:
    return bench.window.panels["slides"]


@pytest.fixture
def three(bench: Bench, tmp_path: Path) -> list[str]:
    """Paths of the open slide and of two others in the list."""
    paths = [bench.document.slide.path, *(str(tmp_path / f"{name}.tif") for name in "ab")]
    for seed, path in enumerate(paths[1:]):
        write_pyramid(Path(path), 640, 480, seed=seed + 5)
    bench.work.slides.remember(paths)
    return paths


def switch(bench: Bench, run) -> None:
    with bench.qtbot.waitSignal(bench.work.slides.opened):
        run()
    bench.settle()


def test_there_and_back_nothing_is_lost(bench: Bench, panel: SlidesPanel, three: list[str]) -> None:
    first = bench.draw(*RING)
    bench.settle()
    bench.draw((500, 500), (600, 500), (600, 600))
    bench.document.select(first.id)
    bench.document.undo()
    bench.settle()
    bench.window.canvas.set_view_state(ViewState(300.0, 280.0, 0.7))
    document = bench.document

    def state() -> tuple:
        kept = document.results.newest_answer(first.id, bench.work.library.in_use[0].path)
        answered = None if kept is None else kept[0]
        steps = document.undo_stack.undo_text, document.undo_stack.redo_text
        view = bench.window.canvas.view_state()
        return document.rois, document.selected, view, answered, steps

    before = state()
    assert before[3] is not None and all(before[4])
    switch(bench, lambda: QTest.mouseClick(panel.rows.viewport(), Qt.MouseButton.LeftButton,
                                           pos=middle(panel, 1)))  # fmt: skip
    assert document.slide.path == three[1] and not document.rois
    panel.rows.setCurrentRow(0)
    switch(bench, lambda: QTest.keyClick(panel.rows, Qt.Key.Key_Return))
    assert state() == before


def test_the_order_is_changed_by_keys_and_by_dragging(
    bench: Bench, panel: SlidesPanel, three: list[str]
) -> None:
    bench.window.activateWindow()
    panel.rows.setFocus()
    panel.rows.setCurrentRow(2)
    QTest.keyClick(panel.rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert names(panel) == ["small.tif", "b.tif", "a.tif"] and panel.rows.currentRow() == 1
    bench.settle()
    assert bench.document.slide.path == three[0]  # none was opened by that
    rows = panel.rows
    place = rows.visualItemRect(rows.item(0))
    event = QDropEvent(
        QPointF(place.center().x(), place.top() + 3), Qt.DropAction.MoveAction, QMimeData(),
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    rows.dropEvent(event)
    assert names(panel) == ["b.tif", "small.tif", "a.tif"]
    assert rows.drop_row(rows.viewport().rect().bottomLeft() * 9) == 3
    assert bench.work.slides.list.paths == (three[2], three[0], three[1])


def test_closing_shows_the_next_and_at_last_the_start_page(
    bench: Bench, panel: SlidesPanel, three: list[str]
) -> None:
    drawn = bench.draw(*RING)
    bench.window.compare.set_opened(True)
    bench.settle()
    cross = cross_of(panel.rows.visualItemRect(panel.rows.item(1))).center().toPoint()
    QTest.mouseClick(panel.rows.viewport(), Qt.MouseButton.LeftButton, pos=cross)
    assert names(panel) == ["small.tif", "b.tif"] and bench.document.slide.path == three[0]
    bench.window.message_bar._act.click()
    assert names(panel) == ["small.tif", "a.tif", "b.tif"]
    bench.work.slides.close_slide(three[1])
    source = bench.window.canvas.source
    switch(bench, bench.window.actions_by_name["close_slide"].trigger)
    assert names(panel) == ["b.tif"] and bench.document.slide.path == three[2]
    panel.rows.setFocus()
    QTest.keyClick(panel.rows, Qt.Key.Key_Delete)
    assert not names(panel) and bench.document.slide is None and not bench.document.rois
    assert bench.window.welcome.isVisible() and bench.window.canvas.source is None
    assert not bench.window.actions_by_name["close_slide"].isEnabled()
    bench.qtbot.waitUntil(lambda: not bench.work.busy)
    assert source.wait_closed()
    bench.open(Path(three[0]))
    assert [roi.id for roi in bench.document.rois] == [drawn.id]
    assert bench.document.undo_stack.undo_text
    bench.work.slides.close_slide(three[0])
    message = bench.window.message_bar.message
    assert message is not None and message.text.startswith("Closed small.tif;")
    switch(bench, bench.window.message_bar._act.click)
    assert bench.document.slide.path == three[0]


def test_closing_what_is_on_its_way(bench: Bench, panel: SlidesPanel, three: list[str]) -> None:
    slides = bench.work.slides
    slides.switch_to(three[1])
    slides.close_slide(three[1])
    bench.settle()
    assert bench.document.slide.path == three[0] and names(panel) == ["small.tif", "b.tif"]
    slides.switch_to(three[2])
    slides.switch_to(three[0])  # after all
    assert not slides.busy
    bench.settle()
    assert bench.document.slide.path == three[0]
    Path(three[2]).write_bytes(b"no slide")
    with bench.qtbot.waitSignal(slides.failed):
        slides.close_slide(three[0])
    assert bench.document.slide is None and names(panel) == ["b.tif"]


def test_the_next_slide_by_keys(bench: Bench, three: list[str]) -> None:
    for key, path in ((Qt.Key.Key_PageDown, three[1]), (Qt.Key.Key_PageUp, three[0])):
        bench.window.activateWindow()
        bench.window.canvas.setFocus()
        switch(bench, lambda key=key: QTest.keyClick(
            bench.window.canvas, key, Qt.KeyboardModifier.ControlModifier))  # fmt: skip
        assert bench.document.slide.path == path


def test_a_lost_file_stays_until_it_is_found_or_removed(
    bench: Bench, panel: SlidesPanel, three: list[str], tmp_path: Path
) -> None:
    moved = tmp_path / "moved" / "a.tif"
    moved.parent.mkdir()
    Path(three[1]).rename(moved)
    bench.work.slides.restore([three[1]])
    bench.qtbot.waitUntil(lambda: bench.work.slides.list.is_missing(three[1]))
    message = bench.window.message_bar.message
    assert message is not None and message.text.startswith("a.tif is no longer where it was.")
    item = panel.rows.item(0)
    assert item.data(int(Qt.ItemDataRole.AccessibleTextRole)).endswith("not found")
    texts = [action.text() for action in panel.menu_of(three[1]).actions()]
    assert "Find the file…" in texts and "Remove from the list\tDel" in texts
    switch(bench, lambda: bench.work.slides.relocate(three[1], str(moved)))
    assert bench.work.slides.list.paths[0] == str(moved)
    bench.qtbot.waitUntil(lambda: not bench.work.slides.list.is_missing(str(moved)))


def test_a_file_that_is_no_slide_leaves_the_list_with_a_message(
    bench: Bench, panel: SlidesPanel, three: list[str], tmp_path: Path
) -> None:
    notes = tmp_path / "notes.svs"
    notes.write_text("no slide")
    for opened in (bench.work.files.open, lambda paths: bench.work.beside.open(paths[0])):
        opened([str(notes)])
        assert str(notes) in bench.work.slides.list.paths
        bench.qtbot.waitUntil(lambda: str(notes) not in bench.work.slides.list.paths)
        assert bench.window.message_bar.message.level == "error"
    assert bench.document.slide.path == three[0] and not bench.work.beside.is_open
    switch(bench, lambda: bench.work.slides.switch_to(three[1]))
    switch(bench, lambda: bench.work.slides.switch_to(three[0]))
    Path(three[1]).write_text("damaged since")
    with bench.qtbot.waitSignal(bench.work.slides.failed):
        bench.work.slides.switch_to(three[1])
    bench.settle()
    assert names(panel) == ["small.tif", "a.tif", "b.tif"]  # it was one


def test_the_open_slide_stays_in_sight_as_the_list_gets_lower(
    bench: Bench, panel: SlidesPanel, three: list[str]
) -> None:
    switch(bench, lambda: bench.work.slides.switch_to(three[2]))
    for height in (400, 120):
        panel.rows.setMinimumHeight(height)
        panel.rows.setMaximumHeight(height)
        bench.qtbot.waitUntil(lambda height=height: panel.rows.height() == height)
    view = panel.rows.viewport().rect()
    assert view.contains(panel.rows.visualItemRect(panel.rows.item(2)).center())


def test_several_files_that_are_dropped(bench: Bench, panel: SlidesPanel, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.tif" for name in ("x", "y")]
    for file in files:
        write_pyramid(file, 640, 480)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    switch(bench, lambda: bench.window.dropEvent(event))
    assert bench.document.slide.name == "x.tif"
    assert names(panel) == ["small.tif", "x.tif", "y.tif"]


def test_pictures_come_by_themselves_and_rows_are_spoken(
    bench: Bench, panel: SlidesPanel, three: list[str]
) -> None:
    bench.work.thumbnails.begin()
    bench.settle()
    pictures = [panel.rows.item(at).data(PictureRole) for at in range(3)]
    assert [image.isNull() for image in pictures] == [False] * 3
    assert abs(pictures[1].width() / pictures[1].height() - 640 / 480) < 0.02
    spoken = QAccessible.queryAccessibleInterface(panel.rows)
    assert spoken.child(0).text(QAccessible.Text.Name).startswith("small.tif, ")
    assert spoken.child(0).text(QAccessible.Text.Name).endswith(", shown")


def test_no_panel_lies_over_another_in_the_smallest_window(bench: Bench, three: list[str]) -> None:
    bench.draw(*RING)
    bench.settle()
    bench.window.resize(bench.window.minimumSize())
    left = [dock for dock in bench.window.docks if dock.objectName() != "dock-Results"]
    bench.qtbot.waitUntil(lambda: bench.window.height() == bench.window.minimumHeight())
    QApplication.processEvents()
    for above, below in pairwise(dock.geometry() for dock in left):
        assert above.bottom() < below.top()
    assert left[-1].geometry().bottom() < bench.window.status.geometry().top()


def test_a_picture_comes_when_its_file_is_back(
    bench: Bench, panel: SlidesPanel, three: list[str], tmp_path: Path
) -> None:
    away = Path(three[1]).rename(tmp_path / "away.tif")
    bench.work.thumbnails.begin()
    bench.settle()
    assert panel.rows.item(1).data(PictureRole).isNull()
    bench.work.slides.restore(three)
    bench.qtbot.waitUntil(lambda: bench.work.slides.list.is_missing(three[1]))
    away.rename(three[1])
    bench.work.slides.restore(three)
    bench.qtbot.waitUntil(lambda: not panel.rows.item(1).data(PictureRole).isNull())
