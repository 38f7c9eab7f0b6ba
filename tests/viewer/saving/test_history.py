"""Steps to undo and redo are there again after a restart, and never cost a region."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.rois.roi import Roi
from tests.viewer.fakes import square
from tests.viewer.saving.kept_window import KeptWindow
from tests.viewer.state.test_planning import INFO
from viewer.saving import history
from viewer.saving.contents import encoded
from viewer.saving.history import PackedStep, key_of_step, too_far
from viewer.saving.session import SessionStore
from viewer.saving.session_file import read_session_file, write_session_file
from viewer.state.document import Document
from viewer.state.settings import ClassList, RegionClass
from viewer.state.undo import Side, State


def again(window: KeptWindow) -> KeptWindow:
    """The same after a restart."""
    window.close()
    return KeptWindow(window.store.folder)


def shown(document: Document) -> dict[str, Roi]:
    return {roi.id: replace(roi, extra={}) for roi in document.rois}


def change(document: Document, chance: random.Random, number: int) -> None:
    rois = document.rois
    kind = chance.randrange(5) if rois else 0
    if kind == 0:
        document.add([square(number, 0, 9, f"R{number}", f"r{number}")], f"Step {number}")
    elif kind == 1:
        document.change(replace(chance.choice(rois), name=f"named {number}"), f"Step {number}")
    elif kind == 2:
        document.remove([chance.choice(rois).id])
    elif kind == 3:
        made = square(0, number, 9, "United", f"u{number}")
        gone = [roi.id for roi in chance.sample(rois, min(2, len(rois)))]
        document.exchange(f"Step {number}", changed=[made], gone=gone)
    else:
        palette = ClassList((RegionClass(f"class {number}", (number, 2, 3)),))
        document.change_classes([], palette, f"Step {number}")


@pytest.mark.parametrize("seed", range(6))
def test_every_step_can_be_undone_and_redone_over_restarts(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    window = KeptWindow(tmp_path)
    past: list[tuple[object, object]] = []

    def state() -> tuple[object, object]:
        return shown(window.document), window.document.slide_settings.classes

    for number in range(12):
        past.append(state())
        change(window.document, chance, number)
        if chance.random() < 0.3:
            window = again(window)
    past.append(state())
    at = len(past) - 1
    for step in [-1] * 12 + [1] * 12 + [-1, -1, 1, -1]:
        document = window.document
        _ = document.undo() if step < 0 else document.redo()
        at += step
        assert state() == past[at], at
        assert bool(document.undo_stack.undo_text) == (at > 0)
        assert bool(document.undo_stack.redo_text) == (at < 12)
        if chance.random() < 0.4:
            window = again(window)
    change(window.document, chance, 99)
    window = again(window)
    assert not window.document.undo_stack.redo_text
    window.close()


def draw_five(tmp_path: Path) -> KeptWindow:
    window = KeptWindow(tmp_path)
    for number in range(5):
        window.document.add([square(number, 0, 5, roi_id=f"r{number}")], f"Step {number}")
        window.save()
    return window


def steps_back(window: KeptWindow) -> list[str]:
    """What can be undone, the newest first."""
    found = []
    while text := window.document.undo_stack.undo_text:
        found.append(text)
        window.document.undo()
    return found


def test_a_damaged_step_costs_those_before_it_and_no_region(tmp_path: Path) -> None:
    draw_five(tmp_path).close()
    (file,) = tmp_path.glob("*.journal")
    key = key_of_step(2).encode()
    file.write_bytes(file.read_bytes().replace(b" " + key + b" ", b" " + key[:-1] + b"9 "))
    window = KeptWindow(tmp_path)
    assert set(window.shown) == {f"r{n}" for n in range(5)}
    assert steps_back(window) == ["Step 4", "Step 3"]
    assert set(window.shown) == {"r0", "r1", "r2"}
    window.close()


def test_a_step_that_cannot_be_unpacked_costs_those_before_it_and_no_region(
    tmp_path: Path,
) -> None:
    window = draw_five(tmp_path)
    broken = PackedStep("Step 2", False, "bm90IGEgc3RlcA==")
    window.store.write(INFO, {key_of_step(2): broken})
    window.waiting.leave()
    window = KeptWindow(tmp_path)
    lost = []
    window.document.steps_lost.connect(lambda: lost.append(window.document.undo_stack.undo_text))
    for _ in range(4):
        window.document.undo()
    assert set(window.shown) == {"r0", "r1", "r2"} and lost == [""]  # said once
    window = again(window)
    assert not window.document.undo_stack.undo_text
    assert window.document.undo_stack.redo_text == "Step 3"
    window.close()


def test_the_steps_farthest_from_now_are_dropped_from_the_disk_alone(tmp_path: Path) -> None:
    live = {
        key_of_step(number): encoded(Side(f"S{number}", number >= 6, State({"r": None})))
        for number in range(12)
    }
    size = len(live[key_of_step(0)])
    assert too_far(live, 4 * size) == [key_of_step(n) for n in (1, 0, 10, 11)]
    assert too_far(live) == []


def test_a_step_that_is_too_large_is_not_kept_nor_are_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_CORNERS", 7)
    window = draw_five(tmp_path)
    window.document.remove(["r0", "r1"])  # eight corners to bring back
    window.document.add([square(9, 9, 9, roi_id="new")], "Draw")
    window = again(window)
    assert steps_back(window) == ["Draw"]
    assert set(window.shown) == {"r2", "r3", "r4"}
    window.close()


def test_of_two_windows_the_first_keeps_its_steps(tmp_path: Path) -> None:
    first = draw_five(tmp_path)
    second = KeptWindow(tmp_path)
    assert not second.document.undo_stack.undo_text
    second.document.add([square(5, 5, 5, roi_id="second")], "Second")
    second.save()
    first.look()
    second.close()
    first = again(first)
    assert first.document.undo_stack.undo_text == "Step 4"
    first.close()


def test_what_is_drawn_before_the_session_is_there_is_undone_first(tmp_path: Path) -> None:
    draw_five(tmp_path).close()
    store = SessionStore(tmp_path)
    document = Document()
    document.set_slide(INFO)
    document.add([square(7, 7, 7, roi_id="early")], "Early")
    session = store.load(INFO)
    document.undo_stack.join(*history.history_of(session.contents))
    document.restore(session.rois, session.settings)
    document.undo()
    assert document.roi("early") is None and document.undo_stack.undo_text == "Step 4"
    store.leave()


def test_a_session_as_a_file_tells_nobody_what_was_undone(tmp_path: Path) -> None:
    window = draw_five(tmp_path / "user")
    window.document.undo()
    window.save()
    file = tmp_path / "a.ssmsession"
    write_session_file(file, window.waiting.records(INFO), INFO)
    found = read_session_file(file)
    assert {roi.id for roi in found.session.rois} == {f"r{n}" for n in range(4)}
    assert b"undo" not in file.read_bytes()
    window.close()
