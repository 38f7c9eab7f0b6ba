"""Regions are combined, copied, hidden, noted, found and selected by actions, and undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QInputDialog, QMenu

from ssmamba.rois.geometry import area_of
from ssmamba.rois.roi import Roi
from tests.viewer.conftest import Bench
from tests.viewer.fakes import square

A, B, C = square(10, 10, 40, "A", "a"), square(30, 10, 40, "B", "b"), square(200, 9, 20, "C", "c")
RULER = Roi(((((5.0, 5.0), (50.0, 5.0)),),), kind="ruler", name="R", id="r")


def act(bench: Bench, name: str) -> None:
    action = bench.window.actions_by_name[name]
    assert action.isEnabled(), name
    action.trigger()


@pytest.fixture
def three(bench: Bench) -> Bench:
    bench.document.add([A, B, C])
    bench.document.choose(["a", "b"])
    return bench


@pytest.mark.parametrize(("name", "area"), [("unite", 2400), ("subtract", 800), ("intersect", 800)])
def test_two_regions_become_one_in_one_step(three: Bench, name: str, area: float) -> None:
    act(three, name)
    assert [roi.id for roi in three.document.rois] == ["a", "c"]
    assert area_of(three.document.rois[0]) == area and three.document.rois[0].name == "A"
    assert [roi.id for roi in three.document.chosen] == ["a"]
    act(three, "undo")
    assert list(three.document.rois) == [A, B, C]


def test_a_region_is_split_and_named(three: Bench) -> None:
    three.document.choose(["a", "c"])
    act(three, "unite")
    act(three, "split")
    assert {roi.name for roi in three.document.rois} == {"A", "B", "Region 3"}
    assert len(three.document.chosen) == 2


def test_locked_regions_and_lines_are_not_combined_and_it_is_said(three: Bench) -> None:
    told: list[str] = []
    three.work.messages.posted.connect(lambda message: told.append(message.text))
    three.document.change(replace(B, locked=True))
    act(three, "unite")
    assert len(three.document.rois) == 3 and "locked" in told[-1]
    three.document.add([RULER])
    three.document.choose(["a", "r"])
    act(three, "unite")
    assert "at least two regions" in told[-1]


def test_copies_stand_beside_their_originals_and_are_selected(three: Bench) -> None:
    act(three, "duplicate")
    copies = three.document.rois[3:]
    assert [roi.name for roi in copies] == ["Region 4", "Region 5"]
    assert [roi.id for roi in three.document.chosen] == [roi.id for roi in copies]
    assert copies[0].bounds[0] > A.bounds[0]


def test_hidden_regions_are_neither_painted_nor_hit_until_they_are_shown(three: Bench) -> None:
    act(three, "hide")
    layer = three.window.canvas.scene.rois
    assert layer.at(20, 20, 1) is None and three.document.chosen == []
    three.document.select("a")  # in the list: then it is seen
    assert layer.at(20, 20, 1) == "a"
    three.document.select(None)
    act(three, "show_all")
    assert layer.at(20, 20, 1) == "a"
    act(three, "undo")
    assert layer.at(20, 20, 1) is None


def test_a_note_is_written_to_the_selected_regions(
    three: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QInputDialog, "getMultiLineText", lambda *_: (" Necrosis? ", True))
    act(three, "note")
    assert [roi.note for roi in three.document.rois] == ["Necrosis?", "Necrosis?", ""]


def test_a_locked_region_takes_no_note_and_it_is_said(three: Bench) -> None:
    told: list[str] = []
    three.work.messages.posted.connect(lambda message: told.append(message.text))
    three.document.change(replace(B, locked=True))
    three.work.editing.note("Necrosis?")
    assert [roi.note for roi in three.document.rois] == ["Necrosis?", "", ""]
    assert len(told) == 1 and "locked" in told[0]


def test_rulers_are_not_offered_to_models_and_it_is_said(bench: Bench) -> None:
    bench.document.add([RULER])
    hints: list[str] = []
    bench.window.canvas.hint.connect(hints.append)
    bench.document.select("r")
    act(bench, "classify")
    assert len(hints) == 1 and "no area to classify" in hints[0]
    assert not bench.work.analysis.is_asked("r") or not bench.work.analysis.is_asking


def test_list_and_slide_select_the_same(three: Bench) -> None:
    panel, canvas = three.window.panels["regions"], three.window.canvas

    def listed() -> set[str]:
        rows = panel.view.selectionModel().selectedRows()
        return {panel.model.rois[index.row()].id for index in rows}

    assert listed() == canvas.scene.rois.chosen == {"a", "b"}
    canvas.roi_toggled.emit("c")
    assert listed() == canvas.scene.rois.chosen == {"a", "b", "c"}
    panel.view.selectAll()
    canvas.roi_toggled.emit("a")
    assert listed() == canvas.scene.rois.chosen == {"b", "c"}
    canvas.rois_delete_requested.emit(sorted(canvas.scene.rois.chosen))
    assert [roi.id for roi in three.document.rois] == ["a"]
    assert listed() == canvas.scene.rois.chosen == set()


def test_a_filter_leaves_nothing_selected_that_is_not_listed(three: Bench) -> None:
    panel = three.window.panels["regions"]
    panel.filter.search.setText("B")
    three.qtbot.waitUntil(lambda: panel.model.rowCount() == 1)
    assert [roi.id for roi in three.document.chosen] == ["b"]
    three.document.select("c")  # on the slide: the list shows it again
    assert panel.model.rowCount() == 3 and panel.filter.search.text() == ""
    assert [roi.id for roi in panel.chosen()] == ["c"]


def test_the_list_is_sorted_by_the_menu_beside_the_search(three: Bench) -> None:
    panel = three.window.panels["regions"]
    actions = {action.text(): action for action in panel.filter.button.menu().actions()}
    actions["By size"].trigger()
    assert [roi.id for roi in panel.model.rois] == ["c", "a", "b"]
    actions["Reverse order"].trigger()
    assert [roi.id for roi in panel.model.rois] == ["b", "a", "c"]
    assert [roi.id for roi in panel.chosen()] == ["b", "a"]  # as before, in the list's order


def test_next_and_previous_go_round_the_list(three: Bench) -> None:
    three.document.select("b")
    for name, expected in (("next_region", "c"), ("next_region", "a"), ("previous_region", "c")):
        act(three, name)
        assert [roi.id for roi in three.document.chosen] == [expected]


def test_the_menu_on_the_slide_is_that_of_the_list(three: Bench) -> None:
    panel = three.window.panels["regions"]
    three.window.canvas.menu_requested.emit("a", QPoint(5, 5))
    (menu,) = panel.findChildren(QMenu, options=_direct())
    texts = [action.text() for action in menu.actions()]
    assert {"Unite", "Duplicate", "Hide", "Lock", "Note…", "Classify"} <= set(texts)
    menu.close()
    three.document.select(None)
    three.window.canvas.menu_requested.emit(None, QPoint(5, 5))
    menu = panel.findChildren(QMenu, options=_direct())[-1]
    assert "Select all regions" in [action.text() for action in menu.actions()]
    menu.close()


def _direct():
    from PySide6.QtCore import Qt

    return Qt.FindChildOption.FindDirectChildrenOnly


def test_all_that_are_listed_and_not_hidden_are_selected(three: Bench) -> None:
    three.document.change(replace(C, hidden=True))
    act(three, "select_all")
    assert {roi.id for roi in three.document.chosen} == {"a", "b"}
