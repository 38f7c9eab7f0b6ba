"""Steps that are undone and redone."""

from __future__ import annotations

import pytest

from viewer.state.undo import Change, State, UndoStack


def step(number: int) -> Change:
    return Change(f"Step {number}", {}, {})


def here(state: State) -> State:
    return state


@pytest.fixture
def stack() -> UndoStack:
    made = UndoStack()
    for number in (1, 2, 3):
        made.push(step(number))
    return made


def test_undo_and_redo_go_through_the_same_steps(stack: UndoStack) -> None:
    back = [stack.take_undo(here), stack.take_undo(here)]
    assert [change.text for change in back if change is not None] == ["Step 3", "Step 2"]
    assert (stack.undo_text, stack.redo_text) == ("Step 1", "Step 2")
    forth = stack.take_redo(here)
    assert forth is not None and forth.text == "Step 2"
    assert (stack.undo_text, stack.redo_text) == ("Step 2", "Step 3")


def test_there_is_nothing_to_do_at_the_ends(stack: UndoStack) -> None:
    assert stack.take_redo(here) is None and stack.redo_text == ""
    for _ in range(3):
        assert stack.take_undo(here) is not None
    assert stack.take_undo(here) is None and stack.undo_text == ""


def test_a_new_step_ends_the_way_forth(stack: UndoStack) -> None:
    stack.take_undo(here)
    stack.push(step(4))
    assert stack.take_redo(here) is None
    assert stack.undo_text == "Step 4"


def test_no_step_is_forgotten(stack: UndoStack) -> None:
    for number in range(4, 2004):
        stack.push(step(number))
    texts = []
    while (change := stack.take_undo(here)) is not None:
        texts.append(change.text)
    assert len(texts) == 2003 and texts[-1] == "Step 1"


def test_another_slide_begins_without_steps(stack: UndoStack) -> None:
    stack.take_undo(here)
    stack.clear()
    assert stack.take_undo(here) is None and stack.take_redo(here) is None
