"""Regions, selection and undo, without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmamba.rois.roi import Roi
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.state.document import Document
from viewer.state.settings import SlideSettings


@pytest.fixture
def document() -> Document:
    made = Document()
    made.add([square(0, 0, 10, "A", "a"), square(20, 0, 10, "B", "b")])
    return made


def test_undo_takes_back_one_step_at_a_time(document: Document) -> None:
    document.change(replace(document.rois[0], name="Renamed"))
    document.remove(["b"])
    document.undo()
    assert [r.name for r in document.rois] == ["Renamed", "B"]
    document.undo()
    assert [r.name for r in document.rois] == ["A", "B"]
    document.redo()
    assert document.rois[0].name == "Renamed"


def test_a_removed_region_comes_back_to_its_place(document: Document) -> None:
    document.add([square(40, 0, 10, "C", "c")])
    document.remove(["a"])
    document.undo()
    assert [r.id for r in document.rois] == ["a", "b", "c"]


def test_a_new_step_forgets_what_was_undone(document: Document) -> None:
    document.remove(["b"])
    document.undo()
    document.remove(["a"])
    document.redo()
    assert [r.id for r in document.rois] == ["b"]


def test_a_locked_region_is_not_removed(document: Document) -> None:
    document.change(replace(document.rois[0], locked=True))
    assert document.remove(["a", "b"]) == 1
    assert [r.id for r in document.rois] == ["a"]


def test_removing_the_selected_region_clears_the_selection(document: Document) -> None:
    document.select("b")
    told = []
    document.selection_changed.connect(lambda: told.append(document.selected))
    document.remove(["b"])
    assert document.selected is None and told == [None]


def test_regions_are_chosen_in_order_and_the_last_is_shown(document: Document) -> None:
    document.add([square(40, 0, 10, "C", "c")])
    document.select("b")
    document.toggle("a")
    assert [roi.id for roi in document.chosen] == ["b", "a"]
    assert document.selected is not None and document.selected.id == "a"
    document.choose(["a", "b", "c", "unknown"])
    assert [roi.id for roi in document.chosen] == ["b", "a", "c"]  # old ones keep their place
    document.toggle("c")
    document.toggle("a")
    assert [roi.id for roi in document.chosen] == ["b"] and document.selected is not None


def test_the_selection_is_told_once_and_only_when_it_changes(document: Document) -> None:
    told: list[int] = []
    document.selection_changed.connect(lambda: told.append(len(document.chosen)))
    document.choose(["a", "b"])
    document.choose(["a", "b"])
    document.choose(["a", "b"], current="a")  # another one is shown
    document.select(None)
    assert told == [2, 2, 0]


def test_what_is_gone_is_not_selected(document: Document) -> None:
    document.choose(["a", "b"])
    document.remove(["b"])
    assert [roi.id for roi in document.chosen] == ["a"]
    assert document.selected is not None and document.selected.id == "a"


def test_regions_are_exchanged_in_one_step(document: Document) -> None:
    made = square(0, 0, 30, "A", "a")
    document.exchange("Unite regions", changed=[made], gone=["b"])
    assert document.rois == (made,) and document.undo_stack.undo_text == "Unite regions"
    document.undo()
    assert [roi.name for roi in document.rois] == ["A", "B"]


def test_rulers_angles_and_points_are_counted_apart(document: Document) -> None:
    for kind, name in (("ruler", "Ruler 1"), ("angle", "Angle 1"), ("ruler", "Ruler 2")):
        roi = replace(square(0, 50, 5), kind=kind, id=name)
        document.add([document.named(replace(roi, name=""))])
        assert document.rois[-1].name == name
    assert document.named(square(0, 50, 5, roi_id="c")).name == "Region 3"


def test_names_never_repeat(document: Document) -> None:
    document.add([document.named(square(0, 50, 5, roi_id="c"))])
    assert document.rois[-1].name == "Region 3"
    document.remove(["a"])
    new = document.named(square(0, 50, 5, roi_id="d"))
    assert new.name and new.name not in {r.name for r in document.rois}


def test_many_regions_get_names_that_nobody_has() -> None:
    document = Document()
    document.add([square(0, 0, 5, "Region 2", "a")])
    ruler = Roi(((((0.0, 0.0), (3.0, 4.0)),),), kind="ruler")
    box = replace(square(0, 0, 5, ""), kind="rectangle")
    made = document.all_named([square(0, 0, 5, ""), box, ruler, square(0, 0, 5, "Region 4"), box])
    assert [r.name for r in made] == ["Region 3", "Region 5", "Ruler 1", "Region 4", "Region 6"]


def test_an_edit_changes_what_would_be_read_a_new_name_does_not(document: Document) -> None:
    roi = document.rois[0]
    before = document.reading(roi)
    document.change(replace(roi, name="Other"))
    assert document.reading(document.rois[0]) == before
    document.change(replace(document.rois[0], polygons=square(1, 0, 10).polygons))
    assert document.reading(document.rois[0]) != before


def test_the_scale_belongs_to_what_is_read(document: Document) -> None:
    before = document.reading(document.rois[0])
    document.set_slide_settings(SlideSettings(field_px=500.0))
    assert document.reading(document.rois[0]) != before


def test_another_slide_leaves_everything_behind(document: Document) -> None:
    document.select("a")
    document.set_slide(None)
    assert not document.rois and document.selected is None
    document.undo()
    assert not document.rois


def test_steps_of_a_slide_wait_until_it_is_shown_again() -> None:
    document, other = Document(), replace(INFO, path="other.svs")
    document.set_slide(INFO)
    document.add([square(0, 0, 10, "A", "a")])
    kept = document.rois
    document.set_slide(other)
    assert document.undo_stack.undo_text == ""
    document.set_slide(INFO)
    document.restore(kept, SlideSettings())  # as the saved session does
    document.undo()
    assert not document.rois
    document.redo()
    assert document.rois == kept


def test_another_reader_of_the_slide_begins_without_steps() -> None:
    document, other = Document(), replace(INFO, path="other.svs")
    for slide in (other, INFO, INFO):  # once more: as another reader
        document.set_slide(slide)
        document.add([square(0, 0, 10, "A", "a")])
    document.set_slide(other)
    assert document.undo_stack.undo_text == ""


def test_the_calibration_of_a_slide_is_left_with_it(document: Document) -> None:
    """The colour profile that was switched off for one slide stayed off for the next."""
    told = []
    document.set_slide_settings(SlideSettings(icc=False))
    document.slide_settings_changed.connect(lambda: told.append(document.slide_settings.icc))
    document.set_slide(None)
    document.set_slide(None)
    assert told == [True]


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "rename", "undo", "redo"]), st.integers(0, 4)),
        max_size=30,
    )
)
def test_undoing_everything_gives_back_the_beginning(steps: list[tuple[str, int]]) -> None:
    document = Document()
    for number, (what, which) in enumerate(steps):
        name = str(which)
        if what == "add" and document.roi(name) is None:
            document.add([square(which, 0, 5, name, name)])
        elif what == "remove":
            document.remove([name])
        elif what == "rename" and (roi := document.roi(name)) is not None:
            document.change(replace(roi, name=f"{number}"))
        elif what == "undo":
            document.undo()
        elif what == "redo":
            document.redo()
    end = {r.id: r for r in document.rois}
    count = 0
    while document.undo_stack.undo_text:
        document.undo()
        count += 1
    assert not document.rois
    for _ in range(count):
        document.redo()
    assert {r.id: r for r in document.rois} == end


def test_what_was_seen_can_be_forgotten_and_undo_brings_it_back_beside_what_was_seen_since() -> (
    None
):
    document = Document()
    document.set_slide(INFO)
    told: list[object] = []
    document.seen_changed.connect(lambda: told.append(document.seen))
    document.forget_seen()  # nothing to forget: no step
    assert document.undo_stack.undo_text == "" and told == []

    def look(left: float) -> None:
        assert document.seen is not None
        quad = [(left, 0.0), (left + 50, 0.0), (left + 50, 50.0), (left, 50.0)]
        document.note_seen(document.seen.with_view([quad], 1.0))

    def seen() -> list[bool]:
        assert document.seen is not None
        return [document.seen.at(x, 20) is not None for x in (20, 120)]

    look(0)
    document.forget_seen()
    assert seen() == [False, False]
    look(100)
    document.undo()
    assert seen() == [True, True]
    document.redo()
    assert seen() == [False, False]
    assert len(told) == 5 and document.undo_stack.undo_text == "Forget what was seen"
